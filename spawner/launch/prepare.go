package launch

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// descriptors are what was prepared for one launch, by the index of the program's Prepare list.
type descriptors struct {
	files posix.Files
	fds   []posix.FD
}

// close closes them. It does nothing the second time.
func (d *descriptors) close() { d.keep(func(int) bool { return false }) }

// keep closes all but some.
func (d *descriptors) keep(wanted func(i int) bool) {
	for i, fd := range d.fds {
		if fd >= 0 && !wanted(i) {
			_ = d.files.Close(fd) // O_PATH, mounts and duplicates: nothing is written on close
			d.fds[i] = -1
		}
	}
}

// errDeadline is a path of the host that could not be opened in time.
var errDeadline = errors.New("the file system did not answer in time")

// preparation makes every descriptor that a program names, each above the numbers that the child inherits.
//
// A file system may hang when a path is opened. What the kernel has in its caches is opened at once. If that is not all, another thread
// does it; when the deadline passes, that one is left behind and closes what it opens later. The same thread goes on with what does not need anything
// that is made meanwhile, while the caller does something else.
type preparation struct {
	l     *Launcher
	p     *program.Program
	end   time.Time
	later int // the first entry that needs the control group, or the init of the pid namespace

	done     chan prepared
	progress chan int
	settled  atomic.Bool // somebody has taken the decision: the answer is used, or the time is over
	answer   *prepared   // nil: nobody has waited for it yet
	taken    bool        // somebody else closes what was made
}

// prepared is the answer of the other thread.
type prepared struct {
	d   *descriptors
	err error
}

// begin starts a preparation. The caller calls take, or drop.
func (l *Launcher) begin(p *program.Program, r *Request) *preparation {
	b := &preparation{l: l, p: p, end: time.Now().Add(l.deadline), later: slices.IndexFunc(p.Prepare, comesLater)}
	if b.later < 0 {
		b.later = len(p.Prepare)
	}
	d := &descriptors{files: l.kernel, fds: make([]posix.FD, len(p.Prepare))}
	for i := range d.fds {
		d.fds[i] = -1
	}
	err := b.open(d, resolveCached)
	if !errors.Is(err, posix.Errno(unix.EAGAIN)) && !errors.Is(err, posix.Errno(unix.EINVAL)) {
		if err == nil {
			err = b.make(d, 0, b.later, r)
		}
		if err != nil {
			d.close()
		}
		b.answer = &prepared{d, err}
		return b
	}
	d.close()
	b.done, b.progress = make(chan prepared, 1), make(chan int, len(p.Prepare))
	go b.work(d, *r)
	return b
}

// resolveCached is RESOLVE_CACHED. Source: openat2(2).
const resolveCached = 0x20

// comesLater tells what is made of something that is still being made when a preparation begins.
func comesLater(want program.Prepare) bool {
	return want.Kind == program.CgroupTree || want.Kind == program.InitProcess || want.Kind == program.OfInit
}

// work opens the paths, then makes the rest as far as it can.
func (b *preparation) work(d *descriptors, r Request) {
	err := b.open(d, 0)
	if err == nil && !b.settled.CompareAndSwap(false, true) {
		d.close()
		return
	}
	if err == nil {
		err = b.make(d, 0, b.later, &r)
	}
	if err != nil {
		d.close()
	}
	b.done <- prepared{d, err}
}

// open opens the paths of the host.
func (b *preparation) open(d *descriptors, resolve uint64) error {
	for i, want := range b.p.Prepare {
		if want.Kind != program.HostPath {
			continue
		}
		if b.progress != nil {
			b.progress <- i
		}
		fd, err := b.l.openPath(want, resolve)
		if err == nil {
			d.fds[i], err = b.l.above(fd, 3+b.p.Listeners)
		}
		if err != nil {
			return b.failed(i, err)
		}
	}
	return nil
}

// make makes the entries of a range that are not paths.
func (b *preparation) make(d *descriptors, from, to int, r *Request) error {
	for i, want := range b.p.Prepare[from:to] {
		if want.Kind == program.HostPath {
			continue
		}
		fd, err := b.l.make(b.p, d, want, r)
		if err == nil {
			d.fds[from+i], err = b.l.above(fd, 3+b.p.Listeners)
		}
		if err != nil {
			return b.failed(from+i, err)
		}
	}
	return nil
}

// failed says which entry an error is about.
func (b *preparation) failed(i int, err error) error {
	return fmt.Errorf("%s: %s: %w (policy %s)", b.p.Module, b.p.Describe(i), err, b.p.Place(b.p.Prepare[i].Origin))
}

// wait returns what the other thread has made.
func (b *preparation) wait() (*descriptors, error) {
	if b.answer == nil {
		d, err := b.await()
		b.answer = &prepared{d, err}
	}
	return b.answer.d, b.answer.err
}

func (b *preparation) await() (*descriptors, error) {
	timer := time.NewTimer(time.Until(b.end))
	defer timer.Stop()
	select {
	case a := <-b.done:
		return a.d, a.err
	case <-timer.C:
	}
	if !b.settled.CompareAndSwap(false, true) {
		a := <-b.done
		return a.d, a.err
	}
	at := 0
	for len(b.progress) > 0 {
		at = <-b.progress
	}
	return nil, fmt.Errorf("%s: %s: %w (%s; policy %s)", b.p.Module, b.p.Describe(at), errDeadline, b.l.deadline, b.p.Place(b.p.Prepare[at].Origin))
}

// take returns the descriptors, of which those that need what was made meanwhile are made now. The caller closes them.
func (b *preparation) take(r *Request) (*descriptors, error) {
	d, err := b.wait()
	if err != nil {
		return nil, err
	}
	b.taken = true
	if err := b.make(d, b.later, len(b.p.Prepare), r); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// drop gives up what was begun and not taken.
func (b *preparation) drop() {
	if b.taken {
		return
	}
	if d, err := b.wait(); err == nil {
		d.close()
	}
}

// openPath opens a path of the host. With RESOLVE_CACHED in resolve it never waits for a file system: it fails with EAGAIN when it would have to, and
// with EINVAL before Linux 5.12. Source: openat2(2); AT_STATX_DONT_SYNC is in statx(2).
func (l *Launcher) openPath(want program.Prepare, resolve uint64) (posix.FD, error) {
	flags := uint64(unix.O_PATH | unix.O_CLOEXEC | unix.O_NOFOLLOW)
	if want.Directory {
		flags |= unix.O_DIRECTORY
	}
	fd, err := l.kernel.Openat2(posix.AtFDCWD, want.Path, posix.OpenHow{Flags: flags, Resolve: resolve})
	if err != nil || want.Directory {
		return fd, err
	}
	var st posix.Stat
	if err := l.kernel.Fstatat(fd, "", &st, unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC); err != nil {
		return -1, errors.Join(err, l.kernel.Close(fd))
	}
	if t := st.Mode & unix.S_IFMT; t == unix.S_IFDIR || t == unix.S_IFLNK {
		return -1, errors.Join(errors.New("its type changed since the policy was compiled"), l.kernel.Close(fd))
	}
	return fd, nil
}

// above returns fd, or a duplicate when its number is one that the child is going to replace. It takes ownership of fd.
func (l *Launcher) above(fd posix.FD, least int) (posix.FD, error) {
	if int(fd) >= least {
		return fd, nil
	}
	dup, err := l.kernel.Fcntl(fd, unix.F_DUPFD_CLOEXEC, least)
	return posix.FD(dup), errors.Join(err, l.kernel.Close(fd))
}

// make makes the descriptor of one entry that is not a path.
func (l *Launcher) make(p *program.Program, d *descriptors, want program.Prepare, r *Request) (posix.FD, error) {
	switch want.Kind {
	case program.Tree:
		return l.tree(d.fds[want.From], "", want.Attr)
	case program.CgroupTree:
		if r.Cgroup == nil {
			// best_effort gave the limits up, or there would be a group; then there is nothing in it to show.
			return l.tmpfs(program.Prepare{Attr: want.Attr | unix.MOUNT_ATTR_RDONLY, Options: []program.Option{{Key: "size", Value: "4k"}, {Key: "mode", Value: "0555"}}})
		}
		dir, err := cgroupDir(r, want.Path)
		if err != nil {
			return -1, err
		}
		return l.tree(posix.AtFDCWD, dir, want.Attr)
	case program.Tmpfs:
		return l.tmpfs(want)
	case program.Ruleset:
		return l.ruleset(d, want)
	case program.Listener:
		fd, ok := r.Listeners[want.Path]
		if !ok {
			return -1, errors.New("no such listener is open")
		}
		return l.duplicate(fd, p)
	case program.Stdio:
		return l.duplicate(r.Stdio[want.From], p)
	case program.Socket:
		fd, ok := r.Sockets[want.Path]
		if !ok {
			return -1, errors.New("the instance has no such socket")
		}
		return l.tree(fd, "", want.Attr)
	case program.InitProcess:
		if r.Sandbox != nil {
			return l.duplicate(r.Sandbox.pidfd, p)
		}
	case program.OfInit:
		if s := r.Sandbox; s != nil && want.From < len(s.held.fds) && s.held.fds[want.From] >= 0 {
			return l.duplicate(s.held.fds[want.From], p)
		}
	case program.InitProgram:
		return l.duplicate(l.init, p)
	case program.Network, program.NetworkMade:
		if n := r.network; n != nil {
			return l.duplicate(map[program.PrepareKind]posix.FD{program.Network: n.pidfd, program.NetworkMade: n.made}[want.Kind], p)
		}
	case program.Seed:
		return l.duplicate(l.seed, p)
	}
	switch want.Kind {
	case program.InitProcess, program.OfInit, program.Network, program.NetworkMade:
		return -1, errNoInit
	}
	return -1, fmt.Errorf("bug: no way to prepare kind %d; please report it", want.Kind)
}

func (l *Launcher) duplicate(fd posix.FD, p *program.Program) (posix.FD, error) {
	dup, err := l.kernel.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 3+p.Listeners)
	return posix.FD(dup), err
}

func cgroupDir(r *Request, controller string) (string, error) {
	for _, dir := range r.Cgroup.Dirs() {
		if dir.Controller == controller {
			return dir.Path, nil
		}
	}
	return "", errors.New("the instance has no such control group")
}

// tree makes a detached copy of a mount and of those below it. What the host mounts there afterwards does not appear in it: the copy of a shared mount
// would be shared, too. Source: mount_namespaces(7).
func (l *Launcher) tree(dir posix.FD, path string, attr uint64) (posix.FD, error) {
	flags := uint32(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE)
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	fd, err := l.kernel.OpenTree(dir, path, flags)
	if err != nil {
		return -1, fmt.Errorf("open_tree: %w", err)
	}
	if err := l.kernel.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &posix.MountAttr{Set: attr, Propagation: unix.MS_PRIVATE}); err != nil {
		return -1, errors.Join(fmt.Errorf("mount_setattr: %w", err), l.kernel.Close(fd))
	}
	return fd, nil
}

// tmpfs makes a detached mount of a new tmpfs.
func (l *Launcher) tmpfs(want program.Prepare) (posix.FD, error) {
	fs, err := l.kernel.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
	}
	defer func() { _ = l.kernel.Close(fs) }()
	for _, o := range want.Options {
		cmd := uint32(unix.FSCONFIG_SET_STRING)
		if o.Value == "" {
			cmd = unix.FSCONFIG_SET_FLAG
		}
		if err := l.kernel.Fsconfig(posix.FsConfig{FS: fs, Cmd: cmd, Key: o.Key, Value: o.Value}); err != nil {
			return -1, fmt.Errorf("fsconfig %s=%s: %w", o.Key, o.Value, err)
		}
	}
	if err := l.kernel.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}); err != nil {
		return -1, fmt.Errorf("fsconfig create: %w", err)
	}
	fd, err := l.kernel.Fsmount(fs, unix.FSMOUNT_CLOEXEC, uint32(want.Attr))
	if err != nil {
		return -1, fmt.Errorf("fsmount: %w", err)
	}
	return fd, nil
}

func (l *Launcher) ruleset(d *descriptors, want program.Prepare) (posix.FD, error) {
	fd, err := l.kernel.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: want.Handled, HandledAccessNet: want.Net, Scoped: want.Scoped})
	if err != nil {
		return -1, fmt.Errorf("landlock_create_ruleset: %w", err)
	}
	for _, rule := range want.Ports {
		if err := l.kernel.LandlockAddNetRule(fd, &posix.LandlockNetPort{AllowedAccess: rule.Access, Port: uint64(rule.Number)}); err != nil {
			return -1, errors.Join(fmt.Errorf("landlock_add_rule: %w", err), l.kernel.Close(fd))
		}
	}
	for _, rule := range want.Rules {
		if err := l.kernel.LandlockAddPathRule(fd, &posix.LandlockPathBeneath{AllowedAccess: rule.Access, Parent: d.fds[rule.From]}); err != nil {
			return -1, errors.Join(fmt.Errorf("landlock_add_rule: %w", err), l.kernel.Close(fd))
		}
	}
	return fd, nil
}
