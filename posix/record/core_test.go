package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/record"
)

// recorded runs a program on top of next and returns the recording.
func recorded(t testing.TB, next posix.Core, program func(posix.Core)) string {
	t.Helper()
	var b bytes.Buffer
	core, err := record.New(next, &b)
	if err != nil {
		t.Fatal(err)
	}
	program(core)
	if err := core.Finish(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// replayed runs a program on a recording, all of which it must use.
func replayed(t testing.TB, recording string, program func(posix.Core)) {
	t.Helper()
	core, err := record.Replay(strings.NewReader(recording))
	if err != nil {
		t.Fatalf("%v\n%s", err, recording)
	}
	program(core)
	if err := core.Done(); err != nil {
		t.Errorf("%v\n%s", err, recording)
	}
}

// everything is a program that makes calls of all kinds, and writes down all that it is told.
func everything(t testing.TB, dir string) (program func(posix.Core), said *strings.Builder) {
	said = &strings.Builder{}
	program = func(k posix.Core) {
		tell := func(what string, v ...any) { _, _ = fmt.Fprintf(said, "%s %v\n", what, v) }
		file := filepath.Join(dir, "file \"with\" \\ \x01 é \u2028 \xff")
		fd, err := k.Openat2(posix.AtFDCWD, file, posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR | unix.O_CLOEXEC, Mode: 0o600})
		tell("open", fd, err)
		n, err := k.Write(fd, []byte("some text"))
		tell("write", n, err)
		buf := make([]byte, 16)
		n, err = k.Pread(fd, buf, 5)
		tell("pread", n, err, buf)
		var st posix.Stat
		tell("fstat", k.Fstat(fd, &st), st)
		_, err = k.Openat2(fd, "none", posix.OpenHow{Flags: unix.O_CLOEXEC})
		tell("not a directory", err)
		tell("close", k.Close(fd))
		tell("close again", k.Close(fd))
		d, err := k.Openat2(posix.AtFDCWD, dir, posix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_CLOEXEC})
		tell("open", d, err)
		entries := make([]byte, 4096)
		n, err = k.Getdents(d, entries)
		tell("getdents", n, err, entries[:max(n, 0)])
		tell("close", k.Close(d))

		a, b, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		tell("socketpair", a, b, err)
		n, err = k.Sendmsg(a, &posix.Msg{Data: []byte("hello"), Control: posix.Rights(a)}, 0)
		tell("sendmsg", n, err)
		fds := []posix.PollFD{{FD: b, Events: unix.POLLIN}}
		n, err = k.Ppoll(fds, &posix.Timespec{Sec: 10})
		tell("ppoll", n, err, fds)
		m := posix.Msg{Data: make([]byte, 3), Control: make([]byte, posix.RightsSpace(4))}
		data := m.Data
		n, err = k.Recvmsg(b, &m, unix.MSG_CMSG_CLOEXEC)
		tell("recvmsg", n, err, data, m)
		rights, err := posix.ParseRights(m.Control[:m.ControlLen])
		tell("rights", rights, err)
		for _, fd := range append(rights, a, b) {
			tell("close", k.Close(fd))
		}

		ep, err := k.EpollCreate1(unix.EPOLL_CLOEXEC)
		tell("epoll", ep, err)
		ev, err := k.Eventfd2(1, unix.EFD_CLOEXEC)
		tell("eventfd", ev, err)
		tell("add", k.EpollCtl(ep, unix.EPOLL_CTL_ADD, ev, &posix.EpollEvent{Events: unix.EPOLLIN, Data: 1<<64 - 1}))
		events := make([]posix.EpollEvent, 4)
		n, err = k.EpollWait(ep, events, 10_000)
		tell("wait", n, err, events)
		tell("remove", k.EpollCtl(ep, unix.EPOLL_CTL_DEL, ev, nil))
		tell("close", k.Close(ev), k.Close(ep))

		s, err := k.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		tell("socket", s, err)
		name, err := k.Getsockname(s)
		tell("name", name, err)
		tell("close", k.Close(s))
		now, err := k.ClockGettime(unix.CLOCK_MONOTONIC)
		tell("clock", now, err)
		n, err = k.Getgroups(nil)
		tell("groups", n, err)
		groups := make([]posix.GID, n)
		n, err = k.Getgroups(groups)
		tell("groups", n, err, groups)
		var limit posix.Rlimit
		tell("limit", k.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit), limit)
		tell("no limit", k.Prlimit(0, unix.RLIMIT_NOFILE, nil, nil))
		name2, err := k.Uname()
		tell("uname", name2, err)
		tell("pid", k.Getpid(), k.Getuid())
		random := make([]byte, 8)
		n, err = k.Getrandom(random, 0)
		tell("random", n, err, random)
		memory, err := k.Mmap(posix.Mapping{Length: 8192, Prot: unix.PROT_READ | unix.PROT_WRITE, Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, FD: -1})
		tell("mmap", len(memory), err)
		memory[0]++
		tell("memory", memory[0], memory[1])
		tell("munmap", k.Munmap(memory))
		_, err = k.Mmap(posix.Mapping{Length: 8192, Prot: unix.PROT_READ, Flags: unix.MAP_PRIVATE, FD: -1})
		tell("no file", err)

		word := make([]byte, 16)
		args := posix.CloneArgs{Cgroup: -1, ExitSignal: unix.SIGCHLD, Program: &posix.Program{Memory: word, Steps: []posix.Step{
			{Op: posix.StepCall, Number: unix.SYS_GETPPID, Result: 1},
			{Op: posix.StepDecimal, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 1}, {Kind: posix.Address}}},
			{Op: posix.StepExpect, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 1}, {Value: 1<<64 - 1}, {Value: 0}}},
		}}}
		child, err := k.Clone3(&args)
		tell("clone", child.PID, child.Pidfd, child.Failed != nil && *child.Failed == posix.StepFailure{Step: 2, Got: child.Failed.Got}, err, word)
		var info posix.WaitInfo
		tell("wait", k.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), info)
		tell("close", k.Close(child.Pidfd))
		tell("unlink", k.Unlinkat(posix.AtFDCWD, file, 0))
	}
	return program, said
}

// What a program was told by the kernel it is told again by the recording, down to every byte.
func TestReplayIsExact(t *testing.T) {
	program, said := everything(t, t.TempDir())
	recording := recorded(t, linux.New(), program)
	first := said.String()
	if strings.Contains(first, syscall.ENOSYS.Error()) || strings.Count(first, "\n") < 40 {
		t.Fatalf("the program did not do what it should:\n%s", first)
	}
	for range 2 {
		said.Reset()
		replayed(t, recording, program)
		if said.String() != first {
			t.Errorf("told when recorded:\n%s\nwhen replayed:\n%s", first, said)
		}
	}
}

// A replay that is recorded is the same recording.
func TestReplayRecordsTheSame(t *testing.T) {
	program, _ := everything(t, t.TempDir())
	recording := recorded(t, linux.New(), program)
	replay, err := record.Replay(strings.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	if again := recorded(t, replay, program); again != recording {
		t.Errorf("recorded:\n%s\nrecorded again:\n%s", recording, again)
	}
}

// every calls all operations with zero arguments.
func every(core posix.Core) {
	for _, op := range posix.Ops() {
		m := reflect.ValueOf(core).MethodByName(op.Method())
		var args []reflect.Value
		for i := range m.Type().NumIn() {
			args = append(args, reflect.Zero(m.Type().In(i)))
		}
		out := m.Call(args)
		if err, fails := out[len(out)-1].Interface().(error); fails && err != error(syscall.ENOSYS) {
			panic(fmt.Sprintf("%s: %v", op, err))
		}
	}
}

func TestEveryOperation(t *testing.T) {
	recording := recorded(t, posix.Unimplemented{}, every)
	if got, want := strings.Count(recording, "\n"), len(posix.Ops())+2; got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
	replayed(t, recording, every)
}

// refusing answers Read with an error that is no errno.
type refusing struct {
	posix.Unimplemented
	err error
}

func (r refusing) Read(posix.FD, []byte) (int, error) { return 0, r.err }

func TestOtherErrorsKeepTheirText(t *testing.T) {
	for _, text := range []string{"no \"errno\"", "bytes \xff"} {
		read := func(k posix.Core) {
			if _, err := k.Read(3, nil); err == nil || err.Error() != text {
				t.Errorf("%v, want %q", err, text)
			}
		}
		replayed(t, recorded(t, refusing{err: errors.New(text)}, read), read)
	}
}

// failing is a writer that fails after some writes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	if _, err := record.New(posix.Unimplemented{}, &failing{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the header: %v", err)
	}
	for left := 1; left <= 2; left++ {
		core, err := record.New(&refusing{}, &failing{left: left})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := core.Read(3, nil); err != nil {
				t.Errorf("a call failed because it could not be recorded: %v", err)
			}
		}
		if err := core.Err(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Err: %v", err)
		}
		if err := core.Finish(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Finish: %v", err)
		}
	}
	core, err := record.New(&refusing{}, &failing{left: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := core.Finish(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the last line: %v", err)
	}
}

func TestTooLongALineEndsTheRecording(t *testing.T) {
	var b bytes.Buffer
	core, err := record.New(posix.Unimplemented{}, &b)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = core.Write(3, make([]byte, record.MaxLine))
	_, _ = core.Write(3, nil)
	if err := core.Finish(); err == nil || !strings.Contains(err.Error(), "record call 1, write: its line has") {
		t.Errorf("%v", err)
	}
	if _, err := record.Replay(&b); !errors.Is(err, record.ErrTruncated) {
		t.Errorf("replay: %v", err)
	}
}

func TestFinishedRecordsNoMore(t *testing.T) {
	var b bytes.Buffer
	core, err := record.New(posix.Unimplemented{}, &b)
	if err != nil {
		t.Fatal(err)
	}
	if err := core.Finish(); err != nil {
		t.Fatal(err)
	}
	_ = core.Close(3)
	if err := core.Finish(); !errors.Is(err, record.ErrFinished) {
		t.Errorf("a second Finish: %v", err)
	}
	replayed(t, b.String(), func(posix.Core) {})
}

// Each line is whole, numbered in its order, whoever made the call.
func TestByManyAtOnce(t *testing.T) {
	recording := recorded(t, posix.Unimplemented{}, func(k posix.Core) {
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for range 200 {
					_, _ = k.Read(posix.FD(g), make([]byte, g))
				}
			})
		}
		wg.Wait()
	})
	if _, err := record.Replay(strings.NewReader(recording)); err != nil || strings.Count(recording, "\n") != 802 {
		t.Errorf("%d lines: %v", strings.Count(recording, "\n"), err)
	}
}

func TestNames(t *testing.T) {
	core, err := record.New(posix.Unimplemented{}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if got := posix.Describe(core); got != "record > posix.Unimplemented" {
		t.Error(got)
	}
	if got := posix.Describe(&record.Replayer{}); got != "replay" {
		t.Error(got)
	}
}

func Example() {
	// A program, which reads a host's name.
	program := func(core posix.Files) {
		fd, err := core.Openat2(posix.AtFDCWD, "/etc/hostname", posix.OpenHow{Flags: unix.O_CLOEXEC})
		if err != nil {
			fmt.Println(err)
			return
		}
		buf := make([]byte, 64)
		n, err := core.Read(fd, buf)
		fmt.Printf("%s%v\n", buf[:n], err)
		_ = core.Close(fd)
	}
	recording, err := os.CreateTemp("", "bulkhead-recording-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.Remove(recording.Name()); _ = recording.Close() }()

	core, err := record.New(exampleKernel{}, recording) // in a program, linux.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	program(core)
	fmt.Println(core.Finish())

	_, _ = recording.Seek(0, 0)
	replay, err := record.Replay(recording)
	if err != nil {
		fmt.Println(err)
		return
	}
	program(replay) // no kernel has to do with this
	fmt.Println(replay.Done())
	// Output:
	// web1
	// <nil>
	// <nil>
	// web1
	// <nil>
	// <nil>
}

// exampleKernel is a host called web1.
type exampleKernel struct{ posix.Unimplemented }

func (exampleKernel) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return 3, nil }
func (exampleKernel) Read(_ posix.FD, p []byte) (int, error)                    { return copy(p, "web1\n"), nil }
func (exampleKernel) Close(posix.FD) error                                      { return nil }
