package libseccomp

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestMain is the place for the two processes of TestCompileConfined: one loads a filter and executes the other, which is
// therefore confined from its first instruction, before the library's own start.
func TestMain(m *testing.M) {
	switch os.Getenv(stageEnv) {
	case "confine":
		exit(confine())
	case "compile":
		f, err := Compile(confinedPolicy(), options())
		if err == nil {
			_, err = os.Stdout.Write(f.Program)
		}
		exit(err)
	}
	os.Exit(m.Run())
}

const (
	stageEnv  = "BULKHEAD_LIBSECCOMP_STAGE"
	callsEnv  = "BULKHEAD_LIBSECCOMP_CALLS"
	deniedEnv = "BULKHEAD_LIBSECCOMP_DENIED"
)

// runtimeCalls is what the loader, the C library and the Go runtime make around a compilation.
const runtimeCalls = "arch_prctl brk clone clone3 close execve exit exit_group fcntl futex getpid getrandom gettid " +
	"madvise mmap mprotect munmap nanosleep newfstatat openat pread64 prctl prlimit64 read readlinkat readlink " +
	"access rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield set_robust_list " +
	"set_tid_address sigaltstack tgkill write epoll_create1 epoll_ctl eventfd2 epoll_pwait getuid geteuid getgid getegid"

// compileCalls is what Compile adds to them.
const compileCalls = " memfd_create fstat"

func confinedPolicy() policy.Seccomp { return policy.Seccomp{Allow: calls("@system-service")} }

func TestCompileConfined(t *testing.T) {
	want, err := Compile(confinedPolicy(), options())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		calls  string
		denied uint32
		works  bool
	}{
		{"nothing else, not even seccomp", runtimeCalls + compileCalls, bpf.RetErrno | 1, true},
		{"nothing else or it is killed", runtimeCalls + compileCalls + " seccomp", bpf.RetKillProcess, true},
		{"killed by the library's start", runtimeCalls + compileCalls, bpf.RetKillProcess, false},
		{"without memfd_create", runtimeCalls + " fstat", bpf.RetErrno | 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/proc/self/exe")
			cmd.Env = []string{stageEnv + "=confine", callsEnv + "=" + c.calls, deniedEnv + "=" + strconv.Itoa(int(c.denied))}
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			switch {
			case c.works && err != nil:
				t.Errorf("%v: %s", err, stderr.String())
			case c.works && stdout.String() != string(want.Program):
				t.Error("the program differs from the one that was compiled outside")
			case !c.works && err == nil:
				t.Error("it worked; the filter confines nothing")
			}
		})
	}
}

func exit(err error) {
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// confine loads an allow list and executes this program again. The pointers are to memory that lives until prctl, which
// copies what they point to, has returned.
func confine() error {
	runtime.LockOSThread()
	denied, err := strconv.ParseUint(os.Getenv(deniedEnv), 10, 32)
	if err != nil {
		return err
	}
	var names []string
	for name := range strings.FieldsSeq(os.Getenv(callsEnv)) {
		if _, native := seccomp.Number(name); native { // access, readlink: not on every architecture
			names = append(names, name)
		}
	}
	list, err := seccomp.AllowList(names, uint32(denied))
	if err != nil {
		return err
	}
	const prSetNoNewPrivs, prSetSeccomp, modeFilter = 38, 22, 2
	program := syscall.SockFprog{Len: uint16(list.Instructions), Filter: (*syscall.SockFilter)(unsafe.Pointer(&list.Program[0]))}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSeccomp, modeFilter, uintptr(unsafe.Pointer(&program)), 0, 0, 0); errno != 0 {
		return errno
	}
	return syscall.Exec("/proc/self/exe", os.Args[:1], []string{stageEnv + "=compile"})
}
