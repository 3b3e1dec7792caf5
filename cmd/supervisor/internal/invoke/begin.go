package invoke

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/plancache"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// begun is a command that has everything but its process.
type begun struct {
	plan  wire.Plan
	host  *spawner.Host
	ahead *spawner.Ahead // nil: nothing of it was begun
}

// begin makes the plan for a command under the policy in a file, and finds the place for its control group.
//
// Where a plan was kept for the same words, its sandbox is made by this thread while another one finds out whether it is still the right one. Nothing
// but our own init is in there until that is certain; otherwise it is thrown away, and the plan made as if nobody had guessed.
func (a *Invocation) begin(file string, cache *plancache.Cache, req compile.Request) (begun, error) {
	if err := a.settle(); err != nil {
		return begun{}, err
	}
	var words []string
	var seen looked
	if a.guesses() {
		// What has to be looked at in any case is looked at meanwhile.
		guess, done := make(chan *plancache.Guess, 1), make(chan verdict, 1)
		go func() { done <- a.judge(file, cache, guess, req) }()
		words = a.words(file)
		b, did, err := a.guessed(cache, words, guess, done)
		if b.host != nil || err != nil {
			return b, err
		}
		seen = did
	} else if seen = a.see(file); seen.err != nil {
		return begun{}, seen.err
	}
	sources, err := a.ready(seen.c, true)
	if err != nil {
		return begun{}, err
	}
	req.Sources = sources
	var b begun
	b.plan, err = a.compileWith(req, os.Stderr, func(req compile.Request) (wire.Plan, error) {
		plan, from, err := cache.Compile(a.Core, a.Launcher, req)
		if err == nil && words != nil && from.Key != (plancache.Key{}) {
			if err := cache.Remember(a.Core, words, from.Key); err != nil && cache.Log != nil {
				cache.Log.Debug("plan not remembered", slog.String("why", err.Error()))
			}
		}
		return plan, err
	})
	if err == nil {
		err = takesListeners(b.plan, file, req.Command)
	}
	if err != nil {
		return begun{}, err
	}
	if b.host, err = spawner.NewHost(a.Core, a.Launcher, a.Facts, b.plan.Modules); err != nil {
		return begun{}, Exit(StatusSupervisor, err)
	}
	return b, nil
}

// takesListeners is an error for a module that is not a command.
func takesListeners(plan wire.Plan, file string, command []string) error {
	if m := &plan.Modules[0]; len(m.Listeners) > 0 && len(command) == 0 {
		return Exit(StatusInvalid, fmt.Errorf("module %s takes listeners; run it with supervisor --policy %s", m.Name, file))
	}
	return nil
}

// looked is what [Invocation.look] found.
type looked struct {
	c   carried
	err error
}

func (a *Invocation) see(file string) looked {
	c, err := a.look([]string{file}, true, true)
	return looked{c, err}
}

// guesses tells whether it can be of use to know a plan early: for root, because a sandbox is made ahead on a thread that can come back from it.
func (a *Invocation) guesses() bool { return !a.handover.Inside && a.Core.Geteuid() == 0 }

// words are what a plan is guessed from: the command line and where it is, and what says cheaply that the policy, or the group that this process is in,
// is another one than the last time. What is missing here makes a wrong guess and nothing worse.
func (a *Invocation) words(file string) []string {
	words := slices.Clone(a.Argv[1:])
	if dir, err := a.workingDir(); err == nil {
		words = append(words, dir)
	}
	var st posix.Stat
	if a.Core.Fstatat(posix.AtFDCWD, file, &st, 0) == nil {
		words = append(words, fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtime, st.Ctime))
	}
	if fd, err := a.Core.Openat2(posix.AtFDCWD, "/proc/self/cgroup", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}); err == nil {
		text := make([]byte, 4096)
		if n, err := a.Core.Read(fd, text); err == nil {
			words = append(words, string(text[:n]))
		}
		_ = a.Core.Close(fd) // it was read from
	}
	return words
}

// guess returns the plan that is likely to be the right one, if its sandbox can be made before that is certain. There is a launcher then.
func (a *Invocation) guess(cache *plancache.Cache, words []string) (*plancache.Guess, error) {
	g := cache.Guess(a.Core, words)
	if g == nil || len(g.Plan.Modules) != 1 || g.Plan.Modules[0].Init == nil {
		return nil, nil
	}
	// What shows the control group waits for that.
	if slices.ContainsFunc(g.Plan.Modules[0].Init.Prepare, func(p program.Prepare) bool { return p.Kind == program.CgroupTree }) {
		return nil, nil
	}
	var err error
	if a.Launcher, err = launch.New(a.Core, launch.Options{}); err != nil {
		return nil, Exit(StatusSupervisor, err)
	}
	if !a.Launcher.Ahead() {
		return nil, nil
	}
	return g, nil
}

// verdict is what the other thread found out about a guess.
type verdict struct {
	looked
	current bool // and then there is what follows
	begun
}

// guessed makes the sandbox of a guess while another thread looks whether it is right. When it is not, begun is empty, and what was looked at
// can be used for making the plan.
func (a *Invocation) guessed(cache *plancache.Cache, words []string, guess chan<- *plancache.Guess, done <-chan verdict) (begun, looked, error) {
	g, err := a.guess(cache, words)
	guess <- g
	if g == nil {
		v := <-done
		return begun{}, v.looked, errors.Join(v.err, err)
	}
	m := &g.Plan.Modules[0]
	s, failed := a.Launcher.Sandbox(launch.Request{Program: m.Program, Init: m.Init})
	v := <-done
	if v.err == nil && v.current && failed == nil && s.Current() {
		if v.plan.Rendered != "" {
			fmt.Fprint(os.Stderr, v.plan.Rendered)
		}
		v.ahead.Into(s)
		return v.begun, v.looked, nil
	}
	// Why there is no sandbox is said when it is made again.
	if failed == nil {
		err = s.Abandon()
	}
	if v.host != nil {
		err = errors.Join(err, v.ahead.Abandon(), v.host.Close())
	}
	if err != nil {
		err = Exit(StatusSupervisor, err)
	}
	return begun{}, v.looked, errors.Join(v.err, err)
}

// judge looks at host and policy, then finds out whether a guess is right, and begins the instance if it is.
func (a *Invocation) judge(file string, cache *plancache.Cache, guess <-chan *plancache.Guess, req compile.Request) verdict {
	v := verdict{looked: a.see(file)}
	g := <-guess
	if g == nil || v.err != nil || !spawner.Privileged(a.Facts) {
		return v
	}
	req.Sources = v.c.Sources
	if req, v.err = a.complete(req); v.err != nil || cache.Current(a.Core, g, req) != nil {
		return v
	}
	v.plan, v.current = g.Plan, true
	if v.err = takesListeners(g.Plan, file, req.Command); v.err != nil {
		return v
	}
	if v.host, v.err = spawner.NewHost(a.Core, a.Launcher, a.Facts, g.Plan.Modules); v.err != nil {
		v.err = Exit(StatusSupervisor, v.err)
		return v
	}
	v.ahead = v.host.Alone(&v.plan.Modules[0], "exec")
	return v
}
