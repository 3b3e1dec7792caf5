package launch

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Sandbox is what an instance is launched into: its pid namespace with the init in it, which holds the other namespaces with all mounts. It is
// made for one launch of one program, before somebody wants it or while somebody waits. No two launches ever share one, or anything in one.
type Sandbox struct {
	l     *Launcher
	init  posix.PID
	pidfd posix.FD
	held  *descriptors // those that the module's program takes
	// What follows is of a sandbox that was made ahead.
	join   *cgroup.Join
	behind []behind
}

// behind is what was behind a path of the host when it was mounted.
type behind struct {
	want     program.Prepare
	dev, ino uint64
}

// Sandbox makes a sandbox ahead of the launch that [Request.Sandbox] gives it to. The request is the one of that launch, but for Stdio and
// Listeners, which nobody needs yet. The caller launches into it, or calls Abandon.
//
// It is an error where [Launcher.Ahead] is false.
func (l *Launcher) Sandbox(r Request) (*Sandbox, error) {
	if !l.Ahead() || r.Init == nil {
		return nil, fmt.Errorf("%s: bug: a sandbox cannot be made ahead; please report it", r.Program.Module)
	}
	if err := l.start(&r); err != nil {
		return nil, err
	}
	defer func() {
		_ = r.network.end() // what it made is not its own any more
		r.leaveGroup()
	}()
	s, err := l.sandbox(&r)
	if err != nil {
		return nil, err
	}
	if err := s.complete(&r); err != nil {
		return nil, errors.Join(err, s.Abandon())
	}
	return s, nil
}

// complete does the rest of what does not need the launch.
func (s *Sandbox) complete(r *Request) error {
	if err := r.group(); err != nil {
		return err
	}
	if r.Cgroup != nil {
		if err := r.joinGroup(); err != nil {
			return err
		}
		s.join, r.join = r.join, nil
	}
	for _, want := range r.Init.Prepare {
		if want.Kind != program.HostPath {
			continue
		}
		b := behind{want: want}
		if err := s.l.identify(&b); err != nil {
			return fmt.Errorf("%s: look at %s: %w", r.Program.Module, want.Path, err)
		}
		s.behind = append(s.behind, b)
	}
	return nil
}

// identify finds out what is behind a path, without waiting for a file system.
func (l *Launcher) identify(b *behind) error {
	fd, err := l.openPath(b.want, resolveCached)
	// The kernel says so as well when something was renamed or mounted anywhere meanwhile.
	for try := 0; try < 3 && errors.Is(err, posix.Errno(unix.EAGAIN)); try++ {
		fd, err = l.openPath(b.want, resolveCached)
	}
	if err != nil {
		return err
	}
	var st posix.Stat
	err = l.kernel.Fstatat(fd, "", &st, unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC)
	b.dev, b.ino = st.Dev, st.Ino
	return errors.Join(err, l.kernel.Close(fd))
}

// Current tells whether a sandbox that was made ahead is what a new one would be: its init is there, which somebody with the right to may have
// killed, and behind the paths that are mounted in it is still the same. What cannot be told without waiting for a file system is not.
func (s *Sandbox) Current() bool {
	var ended posix.WaitInfo // stays to be reaped
	if s.l.kernel.Waitid(posix.PPidfd, int(s.pidfd), &ended, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL) != nil || ended.PID != 0 {
		return false
	}
	for _, was := range s.behind {
		now := behind{want: was.want}
		if err := s.l.identify(&now); err != nil || now.dev != was.dev || now.ino != was.ino {
			return false
		}
	}
	return true
}

// Ahead tells whether this launcher can make sandboxes ahead. It cannot where each launch has a thread of its own.
func (l *Launcher) Ahead() bool { return l.returns }

// sandbox makes the sandbox of a request on the calling thread.
func (l *Launcher) sandbox(r *Request) (*Sandbox, error) {
	b := l.begin(r.Init, r)
	if b.later < len(r.Init.Prepare) {
		if err := r.group(); err != nil {
			b.drop()
			return nil, err
		}
		r.watch.mark(PartGroup)
	}
	d, err := b.take(r)
	if err != nil {
		return nil, err
	}
	r.watch.mark(PartPrepare)
	// It is in no control group of the instance: it is killed by its pidfd, and is nobody's to be counted.
	child, err := l.run(r, r.Init, d, &cgroup.Join{Into: -1}, unix.CLONE_NEWPID)
	if err != nil {
		d.close()
		if why := r.network.end(); why != nil {
			err = why
		}
		return nil, err
	}
	r.network.stop()
	d.keep(func(i int) bool {
		return slices.ContainsFunc(r.Program.Prepare, func(want program.Prepare) bool { return want.Kind == program.OfInit && want.From == i })
	})
	r.watch.mark(PartSandbox)
	return &Sandbox{l: l, init: child.PID, pidfd: child.Pidfd, held: d}, nil
}

// Abandon ends the sandbox. It does nothing after a launch took it over, or the second time.
func (s *Sandbox) Abandon() error {
	if s.pidfd < 0 {
		return nil
	}
	err := errors.Join(s.release(), s.l.abandon(s.pidfd))
	s.pidfd = -1
	return err
}

// release closes what is only for the launch.
func (s *Sandbox) release() error {
	s.held.close()
	if s.join == nil {
		return nil
	}
	return s.join.Close()
}

// errNoInit is a program that was compiled for another init, or for one that there is not.
var errNoInit = errors.New("bug: the launch has no init to take it from; please report it")

// Init is the number of the process that holds the sandbox.
func (s *Sandbox) Init() posix.PID { return s.init }
