package linux

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// probes call each operation once, most with arguments that the kernel refuses: the call is made all the same.
var probes = map[posix.Op]func(k posix.Core){
	posix.OpOpenat2:           func(k posix.Core) { _, _ = k.Openat2(-1, "x", posix.OpenHow{}) },
	posix.OpClose:             func(k posix.Core) { _ = k.Close(-1) },
	posix.OpRead:              func(k posix.Core) { _, _ = k.Read(-1, make([]byte, 1)) },
	posix.OpWrite:             func(k posix.Core) { _, _ = k.Write(-1, make([]byte, 1)) },
	posix.OpPread:             func(k posix.Core) { _, _ = k.Pread(-1, make([]byte, 1), 0) },
	posix.OpFstat:             func(k posix.Core) { _ = k.Fstat(-1, &posix.Stat{}) },
	posix.OpFstatat:           func(k posix.Core) { _ = k.Fstatat(-1, "x", &posix.Stat{}, 0) },
	posix.OpReadlinkat:        func(k posix.Core) { _, _ = k.Readlinkat(-1, "x", make([]byte, 1)) },
	posix.OpMkdirat:           func(k posix.Core) { _ = k.Mkdirat(-1, "x", 0) },
	posix.OpSymlinkat:         func(k posix.Core) { _ = k.Symlinkat("x", -1, "x") },
	posix.OpUnlinkat:          func(k posix.Core) { _ = k.Unlinkat(-1, "x", 0) },
	posix.OpRenameat2:         func(k posix.Core) { _ = k.Renameat2(posix.Rename{OldDir: -1, OldPath: "x", NewDir: -1, NewPath: "y"}) },
	posix.OpFchmodat:          func(k posix.Core) { _ = k.Fchmodat(-1, "x", 0) },
	posix.OpFchownat:          func(k posix.Core) { _ = k.Fchownat(posix.Chown{Dir: -1, Path: "x"}) },
	posix.OpGetdents:          func(k posix.Core) { _, _ = k.Getdents(-1, make([]byte, 64)) },
	posix.OpFtruncate:         func(k posix.Core) { _ = k.Ftruncate(-1, 0) },
	posix.OpFcntl:             func(k posix.Core) { _, _ = k.Fcntl(-1, unix.F_GETFD, 0) },
	posix.OpDup3:              func(k posix.Core) { _ = k.Dup3(-1, 99, 0) },
	posix.OpTee:               func(k posix.Core) { _, _ = k.Tee(-1, -1, 1, 0) },
	posix.OpPipe2:             func(k posix.Core) { _, _, _ = k.Pipe2(-1) },
	posix.OpSocket:            func(k posix.Core) { _, _ = k.Socket(200, 1, 0) },
	posix.OpSocketpair:        func(k posix.Core) { _, _, _ = k.Socketpair(200, 1, 0) },
	posix.OpBind:              func(k posix.Core) { _ = k.Bind(-1, posix.Sockaddr{}) },
	posix.OpListen:            func(k posix.Core) { _ = k.Listen(-1, 1) },
	posix.OpAccept4:           func(k posix.Core) { _, _, _ = k.Accept4(-1, 0) },
	posix.OpConnect:           func(k posix.Core) { _ = k.Connect(-1, posix.Sockaddr{}) },
	posix.OpShutdown:          func(k posix.Core) { _ = k.Shutdown(-1, 0) },
	posix.OpGetsockname:       func(k posix.Core) { _, _ = k.Getsockname(-1) },
	posix.OpSetsockoptInt:     func(k posix.Core) { _ = k.SetsockoptInt(-1, 1, 1, 1) },
	posix.OpGetsockoptInt:     func(k posix.Core) { _, _ = k.GetsockoptInt(-1, 1, 1) },
	posix.OpGetsockoptUcred:   func(k posix.Core) { _, _ = k.GetsockoptUcred(-1) },
	posix.OpGetsockoptTCPInfo: func(k posix.Core) { _ = k.GetsockoptTCPInfo(-1, &posix.TCPInfo{}) },
	posix.OpSendmsg:           func(k posix.Core) { _, _ = k.Sendmsg(-1, &posix.Msg{}, 0) },
	posix.OpRecvmsg:           func(k posix.Core) { _, _ = k.Recvmsg(-1, &posix.Msg{}, 0) },
	posix.OpWaitid:            func(k posix.Core) { _ = k.Waitid(posix.PAll, 0, &posix.WaitInfo{}, 0) },
	posix.OpPidfdOpen:         func(k posix.Core) { _, _ = k.PidfdOpen(-1, 0) },
	posix.OpPidfdSendSignal:   func(k posix.Core) { _ = k.PidfdSendSignal(-1, 0) },
	posix.OpExecve:            func(k posix.Core) { _ = k.Execve("/nonexistent", nil, nil) },
	posix.OpGetpid:            func(k posix.Core) { k.Getpid() },
	posix.OpGetppid:           func(k posix.Core) { k.Getppid() },
	posix.OpKill:              func(k posix.Core) { _ = k.Kill(k.Getpid(), 999) },
	posix.OpEpollCreate1:      func(k posix.Core) { _, _ = k.EpollCreate1(-1) },
	posix.OpEpollCtl:          func(k posix.Core) { _ = k.EpollCtl(-1, 1, -1, &posix.EpollEvent{}) },
	posix.OpEpollWait:         func(k posix.Core) { _, _ = k.EpollWait(-1, make([]posix.EpollEvent, 1), 0) },
	posix.OpPpoll:             func(k posix.Core) { _, _ = k.Ppoll(nil, &posix.Timespec{}) },
	posix.OpEventfd2:          func(k posix.Core) { _, _ = k.Eventfd2(0, -1) },
	posix.OpTimerfdCreate:     func(k posix.Core) { _, _ = k.TimerfdCreate(99, 0) },
	posix.OpTimerfdSettime:    func(k posix.Core) { _ = k.TimerfdSettime(-1, 0, posix.Itimerspec{}) },
	posix.OpMemfdCreate:       func(k posix.Core) { _, _ = k.MemfdCreate("x", -1) },
	posix.OpMadvise:           func(k posix.Core) { _ = k.Madvise(0, 0, -1) },
	posix.OpClockGettime:      func(k posix.Core) { _, _ = k.ClockGettime(99) },
	posix.OpGetuid:            func(k posix.Core) { k.Getuid() },
	posix.OpGeteuid:           func(k posix.Core) { k.Geteuid() },
	posix.OpGetgid:            func(k posix.Core) { k.Getgid() },
	posix.OpGetegid:           func(k posix.Core) { k.Getegid() },
	posix.OpGetgroups:         func(k posix.Core) { _, _ = k.Getgroups(nil) },
	posix.OpCapget:            func(k posix.Core) { _ = k.Capget(&posix.CapSets{}) },
	posix.OpSetns:             func(k posix.Core) { _ = k.Setns(-1, 0) },
	posix.OpOpenTree:          func(k posix.Core) { _, _ = k.OpenTree(-1, "x", 0) },
	posix.OpMoveMount:         func(k posix.Core) { _ = k.MoveMount(posix.Move{FromDir: -1, FromPath: "x", ToDir: -1, ToPath: "y"}) },
	posix.OpMountSetattr:      func(k posix.Core) { _ = k.MountSetattr(-1, "x", 0, &posix.MountAttr{Set: 1}) },
	posix.OpFsopen:            func(k posix.Core) { _, _ = k.Fsopen("nosuchfs", 0) },
	posix.OpFsconfig: func(k posix.Core) {
		_ = k.Fsconfig(posix.FsConfig{FS: -1, Key: "x", Value: "y", Cmd: unix.FSCONFIG_SET_STRING})
	},
	posix.OpFsmount:               func(k posix.Core) { _, _ = k.Fsmount(-1, 0, 0) },
	posix.OpPrlimit:               func(k posix.Core) { _ = k.Prlimit(0, 99, nil, &posix.Rlimit{}) },
	posix.OpUname:                 func(k posix.Core) { _, _ = k.Uname() },
	posix.OpPrctl:                 func(k posix.Core) { _, _ = k.Prctl(posix.PrctlArgs{Op: unix.PR_GET_DUMPABLE}) },
	posix.OpLandlockABI:           func(k posix.Core) { _, _ = k.LandlockABI() },
	posix.OpLandlockCreateRuleset: func(k posix.Core) { _, _ = k.LandlockCreateRuleset(&posix.LandlockRulesetAttr{}) },
	posix.OpLandlockAddPathRule:   func(k posix.Core) { _ = k.LandlockAddPathRule(-1, &posix.LandlockPathBeneath{}) },
	posix.OpLandlockAddNetRule:    func(k posix.Core) { _ = k.LandlockAddNetRule(-1, &posix.LandlockNetPort{}) },
	posix.OpSeccompActionAvail:    func(k posix.Core) { _ = k.SeccompActionAvail(unix.SECCOMP_RET_ALLOW) },
	posix.OpGetrandom:             func(k posix.Core) { _, _ = k.Getrandom(make([]byte, 1), 1<<20) }, // the vDSO leaves unknown flags to the kernel
	posix.OpPosixOpenpt:           func(k posix.Core) { _, _ = k.PosixOpenpt(unix.O_DIRECTORY) },
	posix.OpUnlockpt:              func(k posix.Core) { _ = k.Unlockpt(-1) },
	posix.OpOpenPeer:              func(k posix.Core) { _, _ = k.OpenPeer(-1, 0) },
	posix.OpTcgetattr:             func(k posix.Core) { _ = k.Tcgetattr(-1, &posix.Termios{}) },
	posix.OpTcsetattr:             func(k posix.Core) { _ = k.Tcsetattr(-1, 0, &posix.Termios{}) },
	posix.OpTcgetwinsize:          func(k posix.Core) { _ = k.Tcgetwinsize(-1, &posix.Winsize{}) },
	posix.OpTcsetwinsize:          func(k posix.Core) { _ = k.Tcsetwinsize(-1, posix.Winsize{}) },
	posix.OpPwrite:                func(k posix.Core) { _, _ = k.Pwrite(-1, make([]byte, 1), 0) },
	posix.OpLseek:                 func(k posix.Core) { _, _ = k.Lseek(-1, 0, 0) },
	posix.OpLinkat:                func(k posix.Core) { _ = k.Linkat(posix.Link{OldDir: -1, OldPath: "x", NewDir: -1, NewPath: "y"}) },
	posix.OpFsync:                 func(k posix.Core) { _ = k.Fsync(-1) },
	posix.OpFaccessat2:            func(k posix.Core) { _ = k.Faccessat2(-1, "x", 0, 0) },
	posix.OpFlock:                 func(k posix.Core) { _ = k.Flock(-1, unix.LOCK_UN) },
	posix.OpUtimensat:             func(k posix.Core) { _ = k.Utimensat(posix.Utimes{Dir: -1, Path: "x"}) },
	posix.OpFstatfs:               func(k posix.Core) { _ = k.Fstatfs(-1, &posix.Statfs{}) },
	posix.OpUmask:                 func(k posix.Core) { _, _ = k.Umask(0o22) },
	posix.OpGetpeername:           func(k posix.Core) { _, _ = k.Getpeername(-1) },
	posix.OpGetpgid:               func(k posix.Core) { _, _ = k.Getpgid(-1) },
	posix.OpSetpgid:               func(k posix.Core) { _ = k.Setpgid(-1, 0) },
	posix.OpGetsid:                func(k posix.Core) { _, _ = k.Getsid(-1) },
	posix.OpSetsid:                func(k posix.Core) { _, _ = k.Setsid() },
	posix.OpRtSigprocmask:         func(k posix.Core) { _ = k.RtSigprocmask(-1, nil, nil) },
	posix.OpSignalfd4:             func(k posix.Core) { _, _ = k.Signalfd4(-1, 0, -1) },
	posix.OpTimerfdGettime:        func(k posix.Core) { _ = k.TimerfdGettime(-1, &posix.Itimerspec{}) },
	posix.OpMmap:                  func(k posix.Core) { _, _ = k.Mmap(posix.Mapping{Length: 1, FD: -1}) },
	posix.OpMunmap:                func(k posix.Core) { _ = k.Munmap(make([]byte, 8)[1:]) },
	posix.OpMprotect:              func(k posix.Core) { _ = k.Mprotect(make([]byte, 8)[1:], 0) },
	posix.OpClockNanosleep:        func(k posix.Core) { _ = k.ClockNanosleep(99, 0, posix.Timespec{}, nil) },
	posix.OpGetresuid:             func(k posix.Core) { _ = k.Getresuid(&posix.Uids{}) },
	posix.OpGetresgid:             func(k posix.Core) { _ = k.Getresgid(&posix.Gids{}) },
	posix.OpSetresuid: func(k posix.Core) {
		_ = k.Setresuid(posix.Uids{Real: ^posix.UID(0), Effective: ^posix.UID(0), Saved: ^posix.UID(0)})
	},
	posix.OpSetresgid: func(k posix.Core) {
		_ = k.Setresgid(posix.Gids{Real: ^posix.GID(0), Effective: ^posix.GID(0), Saved: ^posix.GID(0)})
	},
	posix.OpSetgroups:            func(k posix.Core) { _ = k.Setgroups(make([]posix.GID, 1<<17)) },
	posix.OpCapset:               func(k posix.Core) { _ = k.Capset(&posix.CapSets{Effective: 1 << 63}) },
	posix.OpUnshare:              func(k posix.Core) { _ = k.Unshare(1) },
	posix.OpUmount2:              func(k posix.Core) { _ = k.Umount2("/nonexistent", 0) },
	posix.OpLandlockRestrictSelf: func(k posix.Core) { _ = k.LandlockRestrictSelf(-1, 0) },
	posix.OpSeccompSetModeFilter: func(k posix.Core) { _, _ = k.SeccompSetModeFilter(0, nil) },
	posix.OpSeccompGetFilter:     func(k posix.Core) { _, _ = k.SeccompGetFilter(k.Getpid(), 0, nil) },
	posix.OpClone3: func(k posix.Core) {
		// What is too large to be kept for the next one is given back.
		if child, err := k.Clone3(&posix.CloneArgs{Program: &posix.Program{Memory: make([]byte, 2<<20)}}); err == nil {
			_ = k.Close(child.Pidfd)
		}
	},
}

const (
	probing = "BULKHEAD_TEST_PROBES"
	mark    = 0x62756c6b // a prctl operation that does not exist, with the Op as its argument
)

// unannounced are calls besides those of the directive, each with its reason.
var unannounced = map[posix.Op]map[string]string{
	posix.OpClone3: {"close": "the probe's own"},
	posix.OpKill:   {"getpid": "the probe's own"},
	// The runtime stops all threads for these three, and looks for network events when it lets them go on.
	posix.OpSetresuid: {"epoll_pwait": "the runtime"},
	posix.OpSetresgid: {"epoll_pwait": "the runtime"},
	posix.OpSetgroups: {"epoll_pwait": "the runtime"},
}

// runtimeCalls are made by the Go runtime on any thread at any time.
var runtimeCalls = []string{"futex", "madvise", "mmap", "munmap", "rt_sigreturn", "sched_yield", "nanosleep", "tgkill", "getpid", "gettid"}

// conditional are announced calls that the probe does not bring about.
var conditional = map[posix.Op][]string{
	posix.OpSeccompGetFilter: {"ptrace", "wait4"},                                               // by a thread of its own; see TestSeccompGetFilterLeavesNothing
	posix.OpExecve:           {"prlimit64"},                                                     // only when the runtime raised the limit of open files
	posix.OpBind:             {"ioctl"}, posix.OpConnect: {"ioctl"}, posix.OpSendmsg: {"ioctl"}, // only for a zone that is a name
}

// The directive //posix:calls is what seccomp rules are made of, so it must name the calls that are really made: a strace of
// every operation is compared with it.
func TestDirectivesNameTheCallsThatAreMade(t *testing.T) {
	for _, op := range posix.Ops() {
		if probes[op] == nil {
			t.Errorf("no probe of %s", op)
		}
	}
	if os.Getenv(probing) != "" {
		runProbes()
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skipf("needs strace: %v", err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-o", trace, executable(t), "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), probing+"=1", "GODEBUG=asyncpreemptoff=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("strace: %v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	must(t, "read the trace", err)
	made := tracedCalls(string(text))
	for _, op := range posix.Ops() {
		calls, ok := made[op]
		if !ok {
			t.Errorf("%s is not in the trace", op)
			continue
		}
		for _, want := range op.Calls() {
			if !slices.Contains(calls, want) && !slices.Contains(conditional[op], want) {
				t.Errorf("%s: the directive says %s, the trace %q", op, want, calls)
			}
		}
		for _, call := range calls {
			if !slices.Contains(op.Calls(), call) && unannounced[op][call] == "" && !slices.Contains(runtimeCalls, call) {
				t.Errorf("%s: makes %s, the directive says %q", op, call, op.Calls())
			}
		}
	}
}

func executable(t *testing.T) string {
	t.Helper()
	name, err := os.Executable()
	must(t, "find the test binary", err)
	return name
}

func runProbes() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	k := New()
	for _, op := range posix.Ops() {
		_, _ = k.Prctl(posix.PrctlArgs{Op: mark, Arg2: uint64(op)})
		probes[op](k)
	}
	_, _ = k.Prctl(posix.PrctlArgs{Op: mark})
}

var (
	traceLine = regexp.MustCompile(`^(\d+) +(\w+)\(`)
	markLine  = regexp.MustCompile(fmt.Sprintf(`^(\d+) +prctl\(%#x[^,]*, (\w+)`, mark))
)

// tracedCalls returns the calls between the marks, of the thread that makes the marks.
func tracedCalls(trace string) map[posix.Op][]string {
	made := map[posix.Op][]string{}
	thread, now := "", posix.Op(0)
	for line := range strings.Lines(trace) {
		if m := markLine.FindStringSubmatch(line); m != nil {
			n, err := strconv.ParseUint(m[2], 0, 8)
			if err != nil {
				continue
			}
			thread, now = m[1], posix.Op(n)
			made[now] = []string{}
			continue
		}
		m := traceLine.FindStringSubmatch(line)
		if now == 0 || m == nil || m[1] != thread || slices.Contains(made[now], m[2]) {
			continue
		}
		made[now] = append(made[now], m[2])
	}
	return made
}
