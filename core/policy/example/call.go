package example

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/capability"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Pick returns the first of the calls that a filter lets through with some arguments, or the first when it lets none through.
func Pick(set *reach.Set, calls []string) (text string, open bool) {
	for _, text := range calls {
		name, _, _ := strings.Cut(text, "(")
		for _, arch := range set.Arches() {
			if _, found, err := set.Allowed(arch, name, nil); found && err == nil {
				return text, true
			}
		}
	}
	if len(calls) == 0 {
		return "", false
	}
	return calls[0], false
}

// There shows that something is at a path.
func There(path string) []string {
	p := strconv.Quote(path)
	return []string{"openat(AT_FDCWD, " + p + ", O_RDONLY)", "open(" + p + ", O_RDONLY)", "openat2(AT_FDCWD, " + p + ", {flags=O_RDONLY})",
		"newfstatat(AT_FDCWD, " + p + ", …)", "stat(" + p + ", …)", "access(" + p + ", F_OK)"}
}

// Write shows that a path may be written.
func Write(path string) []string {
	p := strconv.Quote(path)
	return []string{"faccessat(AT_FDCWD, " + p + ", W_OK)", "faccessat2(AT_FDCWD, " + p + ", W_OK, 0)", "access(" + p + ", W_OK)",
		"openat(AT_FDCWD, " + p + ", O_WRONLY)", "open(" + p + ", O_WRONLY)", "openat2(AT_FDCWD, " + p + ", {flags=O_WRONLY})"}
}

// Execute shows that a path may be executed.
func Execute(path string) []string {
	p := strconv.Quote(path)
	return []string{"execve(" + p + ", …)", "execveat(AT_FDCWD, " + p + ", …)", "faccessat(AT_FDCWD, " + p + ", X_OK)", "access(" + p + ", X_OK)"}
}

// Space shows that a file system in memory has more than so many bytes.
func Space(path string, size int64) []string {
	return []string{fmt.Sprintf("fallocate(3, 0, %d, 1) in %s", size, path), fmt.Sprintf("pwrite64(3, …, 1, %d) in %s", size, path),
		fmt.Sprintf("write(3, …, 1) as byte %d in %s", size+1, path)}
}

// Network shows which network a module has.
func Network() []string {
	const address = "(3, {sa_family=AF_INET, sin_addr=127.0.0.1, sin_port=22})"
	return []string{"connect" + address, "sendto" + address, "sendmsg" + address}
}

// Port shows that connect or bind goes for a TCP port.
func Port(call string, port uint16) []string {
	return []string{fmt.Sprintf("%s(3, {sa_family=AF_INET, sin_addr=127.0.0.1, sin_port=%d})", call, port)}
}

// Scope shows that Landlock does not keep something to the module.
func Scope(name string) []string {
	if name == "signal" {
		return ofProcess("kill(%s, 0)", "pidfd_send_signal(%s, 0)", "tgkill(%s, …, 0)")
	}
	return []string{`connect(3, {sa_family=AF_UNIX, sun_path=@of the host})`, `sendto(3, …, {sa_family=AF_UNIX, sun_path=@of the host})`}
}

// Namespace shows that a namespace is the host's.
func Namespace(n policy.Namespace) []string {
	switch n {
	case unix.CLONE_NEWPID:
		return ofProcess("kill(%s, 0)", "tgkill(%s, …, 0)", "pidfd_open(%s, 0)", "sched_getaffinity(%s, …)")
	case unix.CLONE_NEWNET:
		return []string{`connect(3, {sa_family=AF_UNIX, sun_path=@of the host})`, `sendto(3, …, {sa_family=AF_UNIX, sun_path=@of the host})`}
	case unix.CLONE_NEWIPC:
		return []string{"shmget(KEY of the host, 0, 0)", "semget(KEY of the host, 0, 0)", "msgget(KEY of the host, 0)"}
	case unix.CLONE_NEWNS:
		return There("/proc/self/mountinfo")
	case unix.CLONE_NEWUTS:
		return []string{"uname(…)"}
	case unix.CLONE_NEWCGROUP:
		return There("/proc/self/cgroup")
	case unix.CLONE_NEWUSER:
		return []string{"getuid()"}
	}
	return nil
}

func ofProcess(formats ...string) (calls []string) {
	for _, f := range formats {
		calls = append(calls, fmt.Sprintf(f, "PID of a process of the host"))
	}
	return calls
}

// Rlimit shows that a hard limit may be high; the highest value is no limit.
func Rlimit(name string, high uint64) []string {
	value := strconv.FormatUint(high, 10)
	if high == ^uint64(0) {
		value = "RLIM64_INFINITY"
	}
	limit := fmt.Sprintf("RLIMIT_%s, {rlim_cur=%s, rlim_max=%s}", strings.ToUpper(name), value, value)
	return []string{"prlimit64(0, " + limit + ", NULL)", "setrlimit(" + limit + ")"}
}

// Resource shows that a limit of the control group is above a number, or with a negative one that there is none.
func Resource(key string, low int64) []string {
	one, size := fmt.Sprintf("process number %d", low+1), strconv.FormatInt(low+1, 10)
	if low < 0 {
		one, size = "as many processes as there are numbers", "all of the host's memory"
	}
	switch key {
	case "pids.max":
		return []string{"clone(SIGCHLD) for " + one, "clone3({exit_signal=SIGCHLD}) for " + one, "fork() for " + one, "vfork() for " + one}
	case "memory.max", "memory.high", "memory.swap.max", "memory.oom.group":
		return []string{"mmap(NULL, " + size + ", PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)", "brk(…)"}
	case "cpuset.cpus":
		return []string{"sched_setaffinity(0, sizeof mask, {all processors})", "getcpu(&cpu, NULL, NULL)"}
	case "io.max", "io.weight":
		return []string{"pread64(3, …) in a loop, of a file that is not in memory", "fsync(3) in a loop"}
	case "cpu.max", "cpu.weight":
		return []string{"sched_yield() in a loop", "getpid() in a loop"}
	}
	return nil
}

// Capability shows what the kernel refuses without a capability.
func Capability(c policy.Capability) []string {
	if text := capability.Of(c).Example; text != "" {
		return []string{text}
	}
	return nil
}

// Descriptor shows that a listener is handed over.
func Descriptor(fd int) []string {
	return []string{fmt.Sprintf("accept4(%d, NULL, NULL, SOCK_CLOEXEC)", fd), fmt.Sprintf("accept(%d, NULL, NULL)", fd),
		fmt.Sprintf("recvfrom(%d, …)", fd), fmt.Sprintf("recvmsg(%d, …)", fd)}
}
