package invoke

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
	"github.com/bulkhead/bulkhead/spawner/stage"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Start reads the policies and gets ready to launch: facts, limits, the locked thread. With privileges it also makes sure that
// this process has what launching takes, entering a user namespace when it is an ordinary user's; then it does not return.
func (a *Invocation) Start(paths []string, trust, privileges bool) ([]compile.Source, error) {
	if err := a.settle(); err != nil {
		return nil, err
	}
	c, err := a.look(paths, trust, privileges)
	if err != nil {
		return nil, err
	}
	return a.ready(c, privileges)
}

// settle prepares the thread that everything is launched by.
func (a *Invocation) settle() error {
	// For life: children die with the thread that created them.
	runtime.LockOSThread()
	if err := spawner.CheckLimits(a.Core); err != nil {
		return Exit(StatusSupervisor, err)
	}
	return nil
}

// look finds out what this host and this process are, and reads the policies. It may be done by any thread.
func (a *Invocation) look(paths []string, trust, privileges bool) (c carried, err error) {
	// A process that is going to be replaced, as that of an ordinary user is, only has to know whom it trusts.
	brief := privileges && !a.handover.Inside && a.Core.Geteuid() != 0
	if brief {
		a.Facts, err = host.ProbeSelf(a.Core)
		brief = err == nil && !spawner.Privileged(a.Facts)
	}
	if !brief && err == nil {
		a.Facts, err = a.probe(trust && !privileges)
	}
	if err != nil {
		return c, Exit(StatusSupervisor, err)
	}
	if err := obstacle(a.Facts, privileges && !brief); err != nil {
		return c, Exit(StatusSupervisor, err)
	}
	if a.Stays != nil && privileges && spawner.Privileged(a.Facts) {
		a.Stays()
	}
	a.trust = source.Anyone
	if trust {
		a.trust = source.Trusted(a.Facts)
	}
	if a.handover.Inside {
		if c, err = receive(a.Core, a.handover.Carried); err == nil {
			a.trust = a.trust.Knowing(a.Facts, c.Trusted)
			a.Facts.SubIDs.Failed = c.NoSubIDs
		}
	} else {
		c.Sources, c.Trusted, err = a.Open(paths)
	}
	a.included = c.Included
	return c, err
}

// ready makes sure that what was looked at can be launched by this process, and of the launcher, if there is none yet.
func (a *Invocation) ready(c carried, privileges bool) (_ []compile.Source, err error) {
	if privileges && !spawner.Privileged(a.Facts) {
		if err := a.includeAhead(&c); err != nil {
			return nil, err
		}
		return nil, Exit(StatusSupervisor, a.enterUserNamespace(c))
	}
	if a.Launcher == nil {
		if a.Launcher, err = launch.New(a.Core, launch.Options{}); err != nil {
			return nil, Exit(StatusSupervisor, err)
		}
	}
	return c.Sources, nil
}

// obstacle says what keeps every launch from succeeding, before the first of their steps fails.
func obstacle(f host.Facts, launches bool) error {
	if !launches || f.MountAPI || f.SeccompMode == 0 || f.Kernel.Before(policy.KernelVersion{Major: 5, Minor: 12}) {
		return nil
	}
	return errors.New("nothing can be started here: a seccomp filter that the supervisor is under itself, as a container's, refuses the calls that make namespaces " +
		"and mounts; run it outside of the container; `supervisor doctor` says what the filter would have to allow")
}

// probe finds out what this host can enforce. What can only be known by trying is tried out for --check and --dry-run: a launch tries it anyway.
func (a *Invocation) probe(try bool) (host.Facts, error) {
	if try {
		return host.ProbeAll(a.Core)
	}
	return host.Probe(a.Core)
}

// enterUserNamespace starts the program again inside of one, handing the policies over as they were read and checked here.
func (a *Invocation) enterUserNamespace(c carried) error {
	if a.handover.Inside {
		return errors.New("the user namespace brought no capabilities (AppArmor restricts them?): `supervisor doctor` says what to do, or run it as root")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ns := a.subIDs(&c)
	fd, err := handOver(a.Core, c)
	if err != nil {
		return err
	}
	return errors.Join(stage.Enter(a.Core, exe, a.Argv, os.Environ(), fd, ns), a.Core.Close(fd))
}

// subIDs makes a user namespace with sub-ids, where the host gives the user some and a policy may ask for them: the word user is in its text. It
// returns -1 where it does not; a launch that needs them says why.
func (a *Invocation) subIDs(c *carried) posix.FD {
	asks := func(text []byte) bool { return bytes.Contains(text, []byte("user")) }
	if !slices.ContainsFunc(c.Sources, func(s compile.Source) bool { return asks(s.Text) }) &&
		!slices.ContainsFunc(slices.Collect(maps.Values(c.Included)), func(f source.File) bool { return asks(f.Text) }) {
		return -1
	}
	a.Facts.SubIDs = host.SubIDs(a.Core, a.Core.Geteuid())
	if users, _, why, _ := a.Facts.SubIDMaps(); why != "" || len(users) == 0 {
		c.NoSubIDs = why
		return -1
	}
	ns, err := stage.Namespace(a.Core, a.Facts.SubIDs)
	if err != nil {
		c.NoSubIDs = err.Error()
		return -1
	}
	return ns
}

// Open reads policy files under the rule of trust, and returns what was found to be trusted, too.
func (a *Invocation) Open(paths []string) (out []compile.Source, trusted []source.Identity, err error) {
	for _, p := range paths {
		if text, ok, err := Embedded(p); err != nil {
			return nil, nil, Exit(StatusInvalid, err)
		} else if ok {
			out = append(out, compile.Source{Name: p, Dir: "/", Text: text})
			continue
		}
		files, ids, err := source.OpenRecorded(a.Core, p, a.trust)
		if err != nil {
			return nil, nil, Exit(StatusInvalid, err)
		}
		for _, f := range files {
			out = append(out, compile.Source{Name: f.Name, Dir: f.Dir, Text: f.Text})
		}
		trusted = append(trusted, ids...)
	}
	return out, trusted, nil
}

// Names returns the variables that every policy can name: SUPERVISOR, this program.
func (a *Invocation) Names() (map[string]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, Exit(StatusSupervisor, err)
	}
	return map[string]string{"SUPERVISOR": exe}, nil
}

// Compile makes a plan in the confined process. Diagnostics are printed; an error among them ends the program.
func (a *Invocation) Compile(req compile.Request, w io.Writer) (wire.Plan, error) {
	return a.compileWith(req, w, func(req compile.Request) (wire.Plan, error) { return compile.Run(a.Core, a.Launcher, req) })
}

// compileWith is Compile, with a function that returns the plan.
func (a *Invocation) compileWith(req compile.Request, w io.Writer, run func(compile.Request) (wire.Plan, error)) (wire.Plan, error) {
	req, err := a.complete(req)
	if err != nil {
		return wire.Plan{}, err
	}
	plan, err := run(req)
	var step *launch.StepError
	if errors.As(err, &step) && step.Exec && errors.Is(err, posix.Errno(unix.EACCES)) {
		err = fmt.Errorf("%w: it runs as another user, so everybody must be able to read and execute %s (chmod a+rx), on a file system without noexec",
			err, req.Variables["SUPERVISOR"])
	}
	if err != nil {
		return plan, Exit(StatusSupervisor, err)
	}
	if plan.Rendered != "" {
		fmt.Fprint(w, plan.Rendered)
	}
	if plan.Diagnostics.HasErrors() {
		return plan, Exit(invalidStatus(plan.Diagnostics), nil)
	}
	return plan, nil
}

// complete returns a request with what it says about this host and this process.
func (a *Invocation) complete(req compile.Request) (_ compile.Request, err error) {
	if a.Variables, err = a.Names(); err != nil {
		return req, err
	}
	req.Facts, req.Variables = a.Facts, a.Variables
	if req.Include == nil {
		req.Include = func(path string) (source.File, error) {
			if f, was := a.included[path]; was {
				return f, nil
			}
			return a.Include(path)
		}
	}
	return req, nil
}
