package spawner

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// strict is a module whose filter allows a few calls, kills for sync, and answers all others, the end of the process too, with EPERM.
func strict(t *testing.T, allow ...uint32) wire.Module {
	t.Helper()
	m := shell("strict", "exit 3")
	const load, equal, answer = bpf.LD | bpf.W | bpf.ABS, bpf.JMP | bpf.JEQ | bpf.K, bpf.RET | bpf.K
	filter := bpf.Program{{Code: load, K: bpf.OffsetNr}, {Code: equal, K: unix.SYS_SYNC, JF: 1}, {Code: answer, K: bpf.RetKillProcess}}
	for _, nr := range append(allow, unix.SYS_EXECVEAT) {
		filter = append(filter, bpf.Instruction{Code: equal, K: nr, JF: 1}, bpf.Instruction{Code: answer, K: bpf.RetAllow})
	}
	filter = append(filter, bpf.Instruction{Code: answer, K: bpf.RetErrno | uint32(unix.EPERM)})
	steps := m.Program.Steps
	b := &program.Builder{Program: *m.Program}
	b.Steps = slices.Clone(steps[:len(steps)-1])
	text := make([]byte, 0, 8*len(filter))
	for _, in := range filter {
		text = binary.NativeEndian.AppendUint16(text, in.Code)
		text = append(text, in.JT, in.JF)
		text = binary.NativeEndian.AppendUint32(text, in.K)
	}
	at := b.Bytes(text)
	fprog := b.Words(uint64(len(filter)), 0)
	b.Relocations = append(b.Relocations, posix.Relocation{At: fprog + 8, To: at})
	b.Call(program.Origin{}, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"), program.Int(1))
	b.Call(program.Origin{}, "seccomp", unix.SYS_SECCOMP, program.Const(unix.SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"), program.Int(0),
		program.At(fprog, "{filter}"))
	b.Steps = append(b.Steps, steps[len(steps)-1])
	m.Program = &b.Program
	return m
}

// null are standard streams that take everything and give nothing.
func null(t *testing.T) [3]posix.FD {
	t.Helper()
	f, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	fd := posix.FD(f.Fd())
	return [3]posix.FD{fd, fd, fd}
}

func TestTry(t *testing.T) {
	leak.Check(t)
	stdio, h := null(t), hostOf(t, linux.New())
	m := strict(t, unix.SYS_GETPID, unix.SYS_CLOSE, unix.SYS_PAUSE, unix.SYS_EXIT_GROUP, unix.SYS_MUNMAP, unix.SYS_CLONE, unix.SYS_KILL, unix.SYS_ACCESS,
		unix.SYS_MMAP, unix.SYS_SETPRIORITY, unix.SYS_RT_SIGRETURN)
	for name, c := range map[string]struct {
		trial program.Trial
		want  Answer
	}{
		"denied":                       {program.Trial{Number: unix.SYS_SOCKET, Args: [6]uint64{1, 1}}, Answer{Value: -int64(unix.EPERM), Filter: true}},
		"allowed":                      {program.Trial{Number: unix.SYS_CLOSE, Args: [6]uint64{0}}, Answer{}},
		"the kernel's own error":       {program.Trial{Number: unix.SYS_CLOSE, Args: [6]uint64{100}}, Answer{Value: -int64(unix.EBADF)}},
		"the same error, the kernel's": {program.Trial{Number: unix.SYS_KILL, Args: [6]uint64{^uint64(0) >> 33, 0}}, Answer{Value: -int64(unix.ESRCH)}},
		"no descriptor of ours":        {program.Trial{Number: unix.SYS_CLOSE, Args: [6]uint64{3}}, Answer{Value: -int64(unix.EBADF)}},
		"killed by the filter":         {program.Trial{Number: unix.SYS_SYNC}, Answer{Kind: Killed, Signal: unix.SIGSYS, Filter: true}},
		"ended by itself":              {program.Trial{Number: unix.SYS_EXIT_GROUP, Args: [6]uint64{7}}, Answer{Kind: Exited, Status: 7}},
		"not back in time":             {program.Trial{Number: unix.SYS_PAUSE}, Answer{Kind: Waiting}},
		"a frame that is none":         {program.Trial{Number: unix.SYS_RT_SIGRETURN}, Answer{Kind: Killed, Signal: unix.SIGSEGV}},
		"a string":                     {program.Trial{Number: unix.SYS_ACCESS, Strings: map[int]string{0: "/proc"}}, Answer{}},
		"a string that leads nowhere":  {program.Trial{Number: unix.SYS_ACCESS, Strings: map[int]string{0: "/nonexistent/bulkhead"}}, Answer{Value: -int64(unix.ENOENT)}},
		"all memory, which is a copy":  {program.Trial{Number: unix.SYS_MUNMAP, Args: [6]uint64{1 << 16, 1<<47 - 1<<17}}, Answer{Kind: Killed, Signal: unix.SIGSEGV}},
	} {
		t.Run(name, func(t *testing.T) {
			m := m
			got, err := h.Try(&m, stdio, c.trial)
			if err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

// A process that the call creates goes on behind it, as the process that made the call does.
func TestTryThatForks(t *testing.T) {
	needNamespaces(t)
	leak.Check(t)
	m := withInit(strict(t, unix.SYS_CLONE))
	got, err := hostOf(t, linux.New()).Try(&m, null(t), program.Trial{Number: unix.SYS_CLONE, Args: [6]uint64{uint64(unix.SIGCHLD)}})
	if err != nil || got.Kind != Returned || got.Value < 0 || got.Filter {
		t.Errorf("%+v, %v", got, err)
	}
}

// In a pid namespace of its own the process has the number 3: behind init and the one that waits for it.
func TestTryThatSignals(t *testing.T) {
	needNamespaces(t)
	leak.Check(t)
	m := withInit(strict(t, unix.SYS_KILL))
	stdio, h := null(t), hostOf(t, linux.New())
	for name, c := range map[string]struct {
		signal unix.Signal
		want   Answer
	}{
		"itself, to end":  {unix.SIGKILL, Answer{Kind: Killed, Signal: unix.SIGKILL}},
		"itself, to stop": {unix.SIGSTOP, Answer{Kind: Replaced}}, // and with it the alarm
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := h.Try(&m, stdio, program.Trial{Number: unix.SYS_KILL, Args: [6]uint64{3, uint64(c.signal)}}); err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestTryWithoutFilter(t *testing.T) {
	leak.Check(t)
	m := shell("plain", "exit 0")
	if _, err := hostOf(t, linux.New()).Try(&m, null(t), program.Trial{Number: unix.SYS_GETPID}); !errors.Is(err, program.ErrNoFilter) {
		t.Error(err)
	}
}

// What goes wrong in the process of the trial is said, not what its parent made of it.
func TestTryThatCannotBeConfined(t *testing.T) {
	leak.Check(t)
	m := strict(t)
	for i, s := range m.Program.Steps {
		if s.Number == unix.SYS_SECCOMP {
			m.Program.Steps[i].Args[1].Value = 1 << 30 // a flag that there is not
		}
	}
	_, err := hostOf(t, linux.New()).Try(&m, null(t), program.Trial{Number: unix.SYS_GETPID})
	if want := "strict: load the filter: invalid argument"; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	m.Program.Steps[0].Number = 1 << 20
	if _, err := hostOf(t, linux.New()).Try(&m, null(t), program.Trial{Number: unix.SYS_GETPID}); !errors.Is(err, unix.ENOSYS) {
		t.Error(err)
	}
}
