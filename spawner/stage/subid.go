package stage

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch/pidinit"
)

// MapperKernel is what making a namespace with sub-ids needs.
type MapperKernel interface {
	Kernel
	posix.Polling
}

// mapperTime is how long newuidmap may take. It asks the host's databases of users, which may be on a network.
const mapperTime = 10 * time.Second

// Namespace makes a user namespace that has the caller's user and group as they are and the numbers of its sub-ids, and returns a descriptor of it,
// without O_CLOEXEC, which the caller owns.
//
// A process holds the namespace meanwhile: a child of this one, so that its number is nobody else's for as long as it has not been reaped, whatever
// becomes of it. The programs that write the maps are set-uid root; they get no environment and a deadline.
func Namespace(k MapperKernel, ids host.SubIDFacts) (_ posix.FD, err error) {
	runtime.LockOSThread() // the parent-death signal refers to the thread
	defer runtime.UnlockOSThread()
	holder, err := hold(k)
	if err != nil {
		return -1, err
	}
	defer func() { err = errors.Join(err, holder.end(k)) }()
	for _, m := range [...]struct {
		program string
		own     uint32
		ids     host.IDRange
	}{{ids.UIDMapper, uint32(k.Geteuid()), ids.UIDs}, {ids.GIDMapper, uint32(k.Getegid()), ids.GIDs}} {
		argv := []string{m.program, strconv.Itoa(int(holder.PID))}
		for _, e := range m.ids.Extents(m.own) {
			argv = append(argv, decimal(e.Inside), decimal(e.Outside), decimal(e.Count))
		}
		if err := runMapper(k, argv); err != nil {
			return -1, fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
		}
	}
	fd, err := k.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/%d/ns/user", holder.PID), posix.OpenHow{Flags: unix.O_RDONLY})
	if err != nil {
		return -1, fmt.Errorf("open the user namespace: %w", err)
	}
	return fd, nil
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// holder is a process that does nothing in a user namespace of its own.
type holder struct{ posix.Child }

func hold(k MapperKernel) (holder, error) {
	fd, err := k.MemfdCreate("bulkhead-holder", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, posix.Errno(unix.EINVAL)) { // MFD_EXEC is of Linux 6.3
		fd, err = k.MemfdCreate("bulkhead-holder", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return holder{}, fmt.Errorf("create a file in memory: %w", err)
	}
	defer func() { _ = k.Close(fd) }()
	if _, err := k.Write(fd, pidinit.Executable); err != nil {
		return holder{}, fmt.Errorf("write to memory: %w", err)
	}
	b := program.NewBuilder("", "")
	argv := b.Pointers(uint32(b.String("bulkhead-holder").Arg.Value))
	b.Call(program.Origin{}, "prctl", unix.SYS_PRCTL, program.Int(unix.PR_SET_PDEATHSIG), program.Int(int(unix.SIGKILL)))
	b.Call(program.Origin{}, "close_range", unix.SYS_CLOSE_RANGE, program.Int(0), program.Const(uint64(^uint32(0)), "~0U"), program.Int(unix.CLOSE_RANGE_CLOEXEC))
	b.Call(program.Origin{}, "execveat", unix.SYS_EXECVEAT, program.Int(int(fd)), b.String(""), program.At(argv, ""), program.At(b.Pointers(), ""),
		program.Int(unix.AT_EMPTY_PATH))
	child, err := start(k, b, unix.CLONE_NEWUSER)
	if err != nil {
		return holder{}, fmt.Errorf("make a process in a user namespace: %w", err)
	}
	return holder{child}, nil
}

// end kills and reaps the process. The namespace lives for as long as somebody has a descriptor of it.
func (h holder) end(k MapperKernel) error {
	return errors.Join(k.PidfdSendSignal(h.Pidfd, posix.Signal(unix.SIGKILL)), reap(k, h.Pidfd, nil), k.Close(h.Pidfd))
}

// start makes a child that does what the builder has, which ends with an exec.
func start(k MapperKernel, b *program.Builder, flags uint64) (posix.Child, error) {
	p := posix.Program{Memory: b.Memory, Relocations: b.Relocations}
	for _, s := range b.Steps {
		p.Steps = append(p.Steps, s.Step)
	}
	child, err := k.Clone3(&posix.CloneArgs{Flags: flags, ExitSignal: posix.Signal(unix.SIGCHLD), Cgroup: -1, Program: &p})
	if err != nil {
		return posix.Child{}, err
	}
	if f := child.Failed; f != nil {
		return posix.Child{}, errors.Join(fmt.Errorf("%s: %w", b.Steps[f.Step].Text, f.Errno), reap(k, child.Pidfd, nil), k.Close(child.Pidfd))
	}
	return child, nil
}

func reap(k posix.Processes, pidfd posix.FD, info *posix.WaitInfo) error {
	if info == nil {
		info = &posix.WaitInfo{}
	}
	if err := k.Waitid(posix.PPidfd, int(pidfd), info, unix.WEXITED); err != nil {
		return fmt.Errorf("wait for a child: %w", err)
	}
	return nil
}

// runMapper runs a program with nothing but what it is told, and returns what it complains about.
func runMapper(k MapperKernel, argv []string) (err error) {
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = k.Close(r) }()
	b := program.NewBuilder("", "")
	b.Call(program.Origin{}, "rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, program.Int(unix.SIG_SETMASK), program.At(b.Words(0), ""), program.Null(), program.Int(8))
	for fd, from := range [...]posix.FD{r, w, w} {
		b.Call(program.Origin{}, "dup3", unix.SYS_DUP3, program.Int(int(from)), program.Int(fd), program.Int(0))
	}
	b.Call(program.Origin{}, "close_range", unix.SYS_CLOSE_RANGE, program.Int(3), program.Const(uint64(^uint32(0)), "~0U"), program.Int(unix.CLOSE_RANGE_CLOEXEC))
	at := make([]uint32, len(argv))
	for i, a := range argv {
		at[i] = uint32(b.String(a).Arg.Value)
	}
	b.Call(program.Origin{}, "execve", unix.SYS_EXECVE, b.String(argv[0]), program.At(b.Pointers(at...), ""), program.At(b.Pointers(), ""))
	child, err := start(k, b, 0)
	if err := errors.Join(err, k.Close(w)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close(child.Pidfd)) }()
	if err = ended(k, child.Pidfd, mapperTime); err != nil {
		err = errors.Join(err, k.PidfdSendSignal(child.Pidfd, posix.Signal(unix.SIGKILL)))
	}
	var info posix.WaitInfo
	if err := errors.Join(err, reap(k, child.Pidfd, &info)); err != nil {
		return err
	}
	if info.Code == posix.CldExited && info.Status == 0 {
		return nil
	}
	said := make([]byte, 1024)
	n, _ := k.Read(r, said) // nothing is fine
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(said[:max(n, 0)]), "?")), " ")
	if text == "" {
		text = fmt.Sprintf("it ended with status %d", info.Status)
		if info.Code != posix.CldExited {
			text = fmt.Sprintf("it was ended by signal %d", info.Status)
		}
	}
	return errors.New(text)
}

// ended waits until a process has ended.
func ended(k posix.Polling, pidfd posix.FD, limit time.Duration) error {
	end := time.Now().Add(limit)
	for left := limit; left > 0; left = time.Until(end) {
		timeout := posix.Timespec{Sec: int64(left / time.Second), Nsec: int64(left % time.Second)}
		n, err := k.Ppoll([]posix.PollFD{{FD: pidfd, Events: unix.POLLIN}}, &timeout)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, posix.Errno(unix.EINTR)):
			return fmt.Errorf("wait for its end: %w", err)
		}
	}
	return fmt.Errorf("it did not end within %s", limit)
}
