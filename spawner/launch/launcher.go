package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch/pidinit"
)

// Kernel is what a Launcher needs.
type Kernel interface {
	posix.Files
	posix.Processes
	posix.Namespaces
	posix.Memory
	posix.Hardening
	Socketpair(family, typ, protocol int) (a, b posix.FD, err error)
}

// Launcher creates children. It is not safe for concurrent use, and belongs to one OS thread.
type Launcher struct {
	kernel   Kernel
	deadline time.Duration
	ownPidNS posix.FD
	init     posix.FD
	// seed is what [program.Seed] says; -1 before the first launch that needs it.
	seed posix.FD
	// returns: a thread that entered a pid namespace can come back. In a user namespace it cannot: the own pid namespace is not ours.
	returns bool
	// away: the thread is in the pid namespace of a module.
	away bool
	// narrows is the option; narrowed: that was done, and lost is what the thread's bounding set lacks since.
	narrows, narrowed bool
	lost              uint64
	wide              *wide        // launches what needs more than that; nil before the first
	steps             []posix.Step // memory of the last program that was linked, for the next one
}

// Options configure a Launcher. The zero value is sensible.
type Options struct {
	// Deadline is how long the opening of all paths of one program may take; default 10 s.
	Deadline time.Duration
	// Narrow lets the launcher take capabilities from the bounding set of its thread, for good: those that no program keeps, as far as that
	// is known at the first launch. It is for a thread that only launches, and stays.
	Narrow bool
}

// New returns a Launcher for the calling thread, which must be locked to its goroutine. The caller closes it.
func New(k Kernel, o Options) (*Launcher, error) {
	if o.Deadline == 0 {
		o.Deadline = 10 * time.Second
	}
	l := &Launcher{kernel: k, deadline: o.Deadline, narrows: o.Narrow, ownPidNS: -1, init: -1, seed: -1}
	var err error
	if l.ownPidNS, err = k.Openat2(posix.AtFDCWD, "/proc/thread-self/ns/pid", posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}); err != nil {
		return nil, fmt.Errorf("open the own pid namespace: %w", err)
	}
	l.returns = k.Setns(l.ownPidNS, unix.CLONE_NEWPID) == nil
	if l.init, err = sealedInit(k); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close gives the launcher's descriptors back. Children are not affected, but for those that keep capabilities which a thread that is narrow has not:
// they end with the thread that has created them.
func (l *Launcher) Close() error {
	var errs []error
	if l.wide != nil {
		l.wide.close()
		l.wide = nil
	}
	for _, fd := range []*posix.FD{&l.ownPidNS, &l.init, &l.seed} {
		if *fd >= 0 {
			errs = append(errs, l.kernel.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// sealedInit puts the init of pid namespaces into a file in memory that nobody can change. It can be executed and not read:
// so the kernel makes the process undumpable, and a module with the same user cannot trace it.
func sealedInit(k Kernel) (fd posix.FD, err error) {
	if fd, err = k.MemfdCreate("bulkhead-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC); errors.Is(err, posix.Errno(unix.EINVAL)) {
		// MFD_EXEC is of Linux 6.3; before, every memfd can be executed.
		fd, err = k.MemfdCreate("bulkhead-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, fmt.Errorf("create a file in memory for init: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("fill the file in memory of init: %w", err), k.Close(fd))
			fd = -1
		}
	}()
	if n, err := k.Write(fd, pidinit.Executable); err != nil || n != len(pidinit.Executable) {
		return fd, errors.Join(err, errors.New("write was cut short"))
	}
	if err := k.Fchmodat(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), 0o111); err != nil {
		return fd, err
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	_, err = k.Fcntl(fd, unix.F_ADD_SEALS, seals)
	return fd, err
}

// Request says what to launch.
type Request struct {
	Program *program.Program
	// Init is the program of the pid namespace's init; nil when the module has no pid namespace.
	Init *program.Program
	// Cgroup is the instance's control group; nil without one.
	Cgroup *cgroup.Instance
	// Keep are capabilities that other programs, which this launcher is going to launch as well, need: see [Needs].
	Keep uint64
	// Begin, when it is not nil, begins to make a control group on another thread. The launch calls it once it has begun with the network
	// namespace, which takes longer and is wanted earlier.
	Begin func()
	// Await, when it is not nil, returns Cgroup, the group that is being made while the init is started, and what it takes to get into it, which the
	// launch closes. It is called once at most.
	Await func() (*cgroup.Instance, *cgroup.Join, error)
	// Sandbox was made beforehand for this program; nil: it is made now, when there is an Init. The launch takes it over, also when it fails.
	Sandbox *Sandbox
	join    *cgroup.Join // of Cgroup, when it was awaited
	network *network
	watch   *watch
	// Stdio are the standard streams; the caller keeps them.
	Stdio [3]posix.FD
	// Listeners are the listening sockets by name; the caller keeps them.
	Listeners map[string]posix.FD
	// Sockets are O_PATH descriptors of the unix sockets that belong to this instance, by the names that package program gives them; the
	// caller keeps them. Neither the mode of the directories above them nor a read-only mount matters to the module, but that of the socket
	// itself does: it must be writable for the module's user. Source: unix(7).
	Sockets map[string]posix.FD
	// Trial, when it is not nil, is told what the program left, which ends by itself and executes nothing: see program.Trial. The process that
	// Launch returns has ended then.
	Trial *Trial
}

// Trial is what a program left that executed nothing.
type Trial struct {
	Memory []byte // shared by the processes that it created
	Failed error  // the step that ended it; nil when it came to its end
}

// ended tells the trial, when the request is for one and p is its program.
func (r Request) ended(l linked, p *program.Program, failed error) bool {
	if r.Trial == nil || p != r.Program {
		return false
	}
	r.Trial.Memory, r.Trial.Failed = l.program.Memory, failed
	return true
}

// Process is a launched module instance. The caller owns the descriptors.
type Process struct {
	PID   posix.PID
	Pidfd posix.FD
	// Init is the init of the pid namespace; InitPidfd is -1 when there is none. Killing it kills everything in the namespace.
	Init      posix.PID
	InitPidfd posix.FD
	// Parts are where the time of the launch went.
	Parts []Part
	// release ends the thread that created the process, when that is not the launcher's.
	release chan struct{}
}

// Release is called when the process has ended; the kernel kills it otherwise where the thread that created it serves it alone.
func (p *Process) Release() {
	if p.release != nil {
		close(p.release)
		p.release = nil
	}
}

// Launch creates the init, when there is one, and the module's process. When it returns an error nothing is left behind.
//
// Where a thread cannot come back from a pid namespace, the process gets a thread of its own, which waits for Release.
func (l *Launcher) Launch(r Request) (Process, error) {
	if !l.fits(r.Program) {
		return l.wider().launch(r)
	}
	if r.Init == nil || l.returns {
		return l.launch(r)
	}
	type result struct {
		p   Process
		err error
	}
	// The process inherits how exact timers are: from this thread, and not from whichever one the runtime makes the new one with.
	slack, err := l.kernel.Prctl(posix.PrctlArgs{Op: unix.PR_GET_TIMERSLACK})
	if err != nil {
		return none, fmt.Errorf("%s: ask for the slack of timers: %w", r.Program.Module, err)
	}
	done, release := make(chan result, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		_, err := l.kernel.Prctl(posix.PrctlArgs{Op: unix.PR_SET_TIMERSLACK, Arg2: uint64(slack)})
		if err != nil {
			done <- result{none, fmt.Errorf("%s: set the slack of timers: %w", r.Program.Module, err)}
			return
		}
		p, err := l.launch(r)
		done <- result{p, err}
		if err == nil {
			<-release
		}
	}()
	res := <-done
	res.p.release = release
	return res.p, res.err
}

// none is the Process of a launch that failed.
var none = Process{Pidfd: -1, InitPidfd: -1}

// launch is Launch on the calling thread.
func (l *Launcher) launch(r Request) (p Process, err error) {
	r.watch = newWatch()
	if err := l.start(&r); err != nil {
		if r.Sandbox != nil {
			err = errors.Join(err, r.Sandbox.Abandon())
		}
		return none, err
	}
	defer func() {
		_ = r.network.end() // what it made is not its own any more
		r.leaveGroup()
	}()
	b := l.begin(r.Program, &r)
	defer b.drop()
	r.watch.mark(PartPrepare)
	if r.Sandbox == nil && r.Init != nil {
		r.Sandbox, err = l.sandbox(&r)
	}
	if err == nil {
		p, err = l.launchModule(b, &r)
	}
	if err == nil {
		if err = l.comeBack(); err == nil {
			if r.Sandbox != nil {
				_ = r.Sandbox.release() // what was opened to be written to or looked through: nothing is lost
				r.Sandbox.pidfd = -1    // the process's now
			}
			r.watch.mark(PartProcess)
			p.Parts = r.watch.parts
			return p, nil
		}
		err = errors.Join(fmt.Errorf("%s: %w", r.Program.Module, err), l.abandon(p.Pidfd))
	}
	if r.Sandbox != nil {
		err = errors.Join(err, r.Sandbox.Abandon(), l.comeBack())
	}
	return none, err
}

// start does what comes before everything else of a launch.
func (l *Launcher) start(r *Request) error {
	if err := l.ready(r); err != nil || r.Sandbox != nil {
		return err
	}
	if err := l.beginNetwork(r); err != nil {
		return err
	}
	if r.Begin != nil {
		r.Begin()
	}
	return nil
}

// Ready makes what is made once for all launches, as far as the programs of a request need it. The first launch would do it otherwise.
func (l *Launcher) Ready(r Request) error { return l.ready(&r) }

func (l *Launcher) ready(r *Request) error {
	if err := l.comeBack(); err != nil {
		return fmt.Errorf("%s: %w", r.Program.Module, err)
	}
	l.narrow(r)
	if r.Sandbox != nil { // it was made of the seed
		return nil
	}
	return l.needSeed(r)
}

// group returns the control group, when it is there.
func (r *Request) group() error {
	if r.Await == nil {
		return nil
	}
	var err error
	if r.Cgroup, r.join, err = r.Await(); err != nil {
		return fmt.Errorf("%s: %w", r.Program.Module, err)
	}
	r.Await = nil
	return nil
}

// joinGroup opens what it takes to get into the control group, unless that came with it.
func (r *Request) joinGroup() error {
	if r.join != nil {
		return nil
	}
	join, err := r.Cgroup.Join()
	if err != nil {
		return fmt.Errorf("%s: join the control group: %w", r.Program.Module, err)
	}
	r.join = &join
	return nil
}

// leaveGroup closes what joinGroup, or the group, has opened.
func (r *Request) leaveGroup() {
	if r.join != nil {
		_ = r.join.Close() // nothing is lost that was written
	}
}

// launchModule creates the module's process, in the sandbox if there is one. It may leave the thread in its pid namespace.
func (l *Launcher) launchModule(b *preparation, r *Request) (Process, error) {
	child, err := l.createModule(b, r)
	if err != nil {
		return none, err
	}
	p := Process{PID: child.PID, Pidfd: child.Pidfd, InitPidfd: -1}
	if s := r.Sandbox; s != nil {
		p.Init, p.InitPidfd = s.init, s.pidfd
	}
	return p, nil
}

func (l *Launcher) createModule(b *preparation, r *Request) (posix.Child, error) {
	if err := r.group(); err != nil {
		return posix.Child{}, err
	}
	r.watch.mark(PartGroup)
	join := &cgroup.Join{Into: -1}
	switch {
	case r.Sandbox != nil && r.Sandbox.join != nil:
		join = r.Sandbox.join
	case r.Cgroup != nil:
		if err := r.joinGroup(); err != nil {
			return posix.Child{}, err
		}
		join = r.join
	}
	d, err := b.take(r)
	if err != nil {
		return posix.Child{}, err
	}
	defer d.close()
	r.watch.mark(PartPrepare)
	if r.Sandbox != nil {
		if err := l.kernel.Setns(r.Sandbox.pidfd, unix.CLONE_NEWPID); err != nil {
			return posix.Child{}, fmt.Errorf("%s: enter the pid namespace: %w", r.Program.Module, err)
		}
		l.away = l.returns
	}
	return l.run(r, r.Program, d, join, 0)
}

// comeBack returns the thread to its own pid namespace. Children would be born in a stranger's otherwise, so while that fails
// nothing is launched.
func (l *Launcher) comeBack() error {
	if !l.away {
		return nil
	}
	if err := l.kernel.Setns(l.ownPidNS, unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("return to the own pid namespace: %w", err)
	}
	l.away = false
	return nil
}

// abandon kills and reaps a child, and closes its pidfd.
func (l *Launcher) abandon(pidfd posix.FD) error {
	_ = l.kernel.PidfdSendSignal(pidfd, unix.SIGKILL) // it may have ended already
	return l.reap(pidfd)
}

func (l *Launcher) reap(pidfd posix.FD) error { return reap(l.kernel, pidfd) }

// reap waits for the end of a child and closes its pidfd.
func reap(k Kernel, pidfd posix.FD) error {
	var info posix.WaitInfo
	err := k.Waitid(posix.PPidfd, int(pidfd), &info, unix.WEXITED|unix.WALL)
	return errors.Join(err, k.Close(pidfd))
}

// run links one program with what was prepared for it and creates its child.
func (l *Launcher) run(r *Request, p *program.Program, d *descriptors, join *cgroup.Join, flags uint64) (posix.Child, error) {
	linked, err := l.link(p, d, join)
	if err != nil {
		return posix.Child{}, err
	}
	linked.program.Shared = r.Trial != nil && p == r.Program
	args := posix.CloneArgs{Flags: flags, Program: linked.program, ExitSignal: unix.SIGCHLD}
	if join.Into >= 0 {
		args.Flags |= unix.CLONE_INTO_CGROUP
		args.Cgroup = join.Into
	}
	child, err := l.kernel.Clone3(&args)
	if err != nil {
		return posix.Child{}, fmt.Errorf("%s: create a process: %w%s", p.Module, err, cloneHint(err))
	}
	if child.Failed == nil {
		r.ended(linked, p, nil)
		return child, nil
	}
	err = linked.stepError(p, child.Failed)
	if r.ended(linked, p, err) {
		return child, nil
	}
	return posix.Child{}, errors.Join(err, l.reap(child.Pidfd))
}

// cloneHint says what usually is behind an error of clone3.
func cloneHint(err error) string {
	switch {
	case errors.Is(err, posix.Errno(unix.EAGAIN)):
		return " (a limit on processes: RLIMIT_NPROC, pids.max, or /proc/sys/kernel/pid_max)"
	case errors.Is(err, posix.Errno(unix.ENOSYS)), errors.Is(err, posix.Errno(unix.EPERM)):
		return " (a seccomp filter that this process is under refuses it, as a container's does, or the kernel is older than 5.3; `supervisor doctor` says which)"
	case errors.Is(err, posix.Errno(unix.ENOSPC)):
		return " (a limit on namespaces: /proc/sys/user/max_*_namespaces)"
	case errors.Is(err, posix.Errno(unix.EMFILE)):
		return " (the supervisor's RLIMIT_NOFILE)"
	}
	return ""
}

// cookie returns a fresh exec-once value. It is not 0, which an ordinary execveat may carry.
func (l *Launcher) cookie() (uint64, error) {
	var b [8]byte
	for {
		n, err := l.kernel.Getrandom(b[:], 0)
		if err != nil {
			return 0, fmt.Errorf("read random bytes for exec once: %w", err)
		}
		if v := binary.NativeEndian.Uint64(b[:]); n == len(b) && v != 0 {
			return v, nil
		}
	}
}
