package derive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Phase is what the Go runtime makes a call for.
type Phase string

// The phases.
const (
	PhaseStart   Phase = "start"   // before main
	PhaseMemory  Phase = "memory"  // heap, stacks, garbage collection
	PhaseThreads Phase = "threads" // threads and locks
	PhaseTime    Phase = "time"    // sleeping, and clocks where the vDSO has none
	PhaseSignals Phase = "signals" // handlers, preemption
	PhasePolling Phase = "polling" // timers and descriptors that do not block
	PhaseEnd     Phase = "end"     // exit, panics and crashes
	PhaseProfile Phase = "profile" // CPU profiles; not a part of the baseline
)

// RuntimeCall is a system call that the Go runtime makes by itself.
type RuntimeCall struct {
	Name  string
	Phase Phase
	For   string // what for, as a sentence says it
}

// Baseline returns the system calls that a statically linked Go program without cgo makes, or may make, whatever it does:
// what an empty main needs, with goroutines, garbage collection, timers, signals and panics. Sorted by name. Architectures: amd64 and arm64.
// Source: the runtime of Go 1.26, sys_linux_GOARCH.s, os_linux.go, internal/runtime/syscall/linux; a test reads them again.
func Baseline(arch string) ([]RuntimeCall, error) {
	own, ok := baselines[arch]
	if !ok {
		return nil, fmt.Errorf("the calls of the Go runtime on %s are not known; known are %v", arch, slices.Sorted(maps.Keys(baselines)))
	}
	var out []RuntimeCall
	for _, c := range slices.Concat(common, own) {
		if c.Phase != PhaseProfile {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b RuntimeCall) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// common are made on every architecture.
var common = []RuntimeCall{
	{"sched_getaffinity", PhaseStart, "the number of processors, and again when that may have changed"},
	{"openat", PhaseStart, "the size of huge pages, and limits of the control group; neither needs to be there"},
	{"read", PhaseStart, "the same; and what wakes a thread up that waits for descriptors"},
	{"pread64", PhaseStart, "limits of the control group, again and again"},
	{"close", PhaseStart, "the same"},
	{"fcntl", PhaseStart, "whether descriptors 0, 1 and 2 are open"},
	{"prlimit64", PhaseStart, "package syscall raises the soft limit of open files"},

	{"mmap", PhaseMemory, "memory from the kernel"},
	{"munmap", PhaseMemory, "memory that was not aligned"},
	{"madvise", PhaseMemory, "memory back to the kernel, huge pages"},
	{"mincore", PhaseMemory, "the size of a page, when the kernel did not pass it"},
	{"mprotect", PhaseMemory, "guard pages of debugging modes"},
	{"prctl", PhaseMemory, "names of mappings in /proc/PID/maps"},

	{"clone", PhaseThreads, "a thread"},
	{"exit", PhaseThreads, "the end of a thread"},
	{"futex", PhaseThreads, "sleeping and waking of threads"},
	{"gettid", PhaseThreads, "the number of a thread"},
	{"sched_yield", PhaseThreads, "a spinning lock"},
	{"sigaltstack", PhaseThreads, "the stack of a thread's signal handlers"},
	{"rt_sigprocmask", PhaseThreads, "no signals while a thread is made"},

	{"nanosleep", PhaseTime, "the monitor thread"},
	{"clock_gettime", PhaseTime, "the time, where the vDSO cannot tell"},
	{"restart_syscall", PhaseTime, "the kernel goes on with a sleep after SIGCONT; nobody calls it"},

	{"rt_sigaction", PhaseSignals, "handlers, for every signal at the start"},
	{"rt_sigreturn", PhaseSignals, "the end of a handler"},
	{"tgkill", PhaseSignals, "preemption of a goroutine that does not stop by itself"},
	{"getpid", PhaseSignals, "the same"},
	{"kill", PhaseSignals, "a signal that ends the process, sent on to it"},

	{"epoll_create1", PhasePolling, "made with the first timer or descriptor"},
	{"epoll_ctl", PhasePolling, "what is waited for"},
	{"epoll_pwait", PhasePolling, "waiting"},
	{"eventfd2", PhasePolling, "what wakes the waiting thread up"},

	{"exit_group", PhaseEnd, "os.Exit, the return from main"},
	{"write", PhaseEnd, "the text of a panic; and waking up"},

	{"setitimer", PhaseProfile, "a CPU profile"},
	{"timer_create", PhaseProfile, "a CPU profile of each thread"},
	{"timer_settime", PhaseProfile, "the same"},
	{"timer_delete", PhaseProfile, "the same"},
}

// baselines are made on one architecture only.
var baselines = map[string][]RuntimeCall{
	"amd64": {{"arch_prctl", PhaseStart, "the register of thread local storage"}},
	"arm64": {},
}
