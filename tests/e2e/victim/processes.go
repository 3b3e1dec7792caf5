package victim

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func number(args []string, i int) (int, error) {
	if i >= len(args) {
		return 0, errors.New("a number is missing")
	}
	return strconv.Atoi(args[i])
}

// signal:PID,NUMBER
func signal(args []string) (string, error) {
	pid, err1 := number(args, 0)
	sig, err2 := number(args, 1)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	return "", unix.Kill(pid, unix.Signal(sig))
}

// ptrace:PID attaches to a process, without stopping it.
func ptrace(args []string) (string, error) {
	pid, err := number(args, 0)
	if err != nil {
		return "", err
	}
	return "", unix.PtraceSeize(pid)
}

// readmem:PID,ADDRESS reads a word of a process's memory.
func readMemory(args []string) (string, error) {
	pid, err1 := number(args, 0)
	address, err2 := strconv.ParseUint(args[1], 16, 64)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	return "", asError(rawReadMemory(pid, uintptr(address)))
}

// processes lists those that /proc has.
func processes([]string) (string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return "", err
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return fmt.Sprint(pids), nil
}

// forks:NUMBER makes so many children, which stay until the attempt is over.
func forks(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	var children []int
	for len(children) < n {
		pid, errno := rawFork(0, true)
		if errno != 0 {
			err = errno
			break
		}
		children = append(children, pid)
	}
	for _, pid := range children {
		err = errors.Join(err, unix.Kill(pid, unix.SIGKILL), reap(pid))
	}
	return strconv.Itoa(len(children)), err
}

// clone:FLAG makes a child in a namespace of its own.
func clone(args []string) (string, error) {
	flag, err := namespaceFlag(args)
	if err != nil {
		return "", err
	}
	pid, errno := rawFork(uintptr(flag), false)
	if errno != 0 {
		return "", errno
	}
	return "", reap(pid)
}

func reap(pid int) error {
	for {
		_, err := unix.Wait4(pid, nil, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unshare:FLAG enters a namespace of its own. It is not for user, which a process with several threads cannot leave.
func unshare(args []string) (string, error) {
	flag, err := namespaceFlag(args)
	if err != nil {
		return "", err
	}
	return "", unix.Unshare(flag)
}

func namespaceFlag(args []string) (int, error) {
	flags := map[string]int{"user": unix.CLONE_NEWUSER, "mount": unix.CLONE_NEWNS, "network": unix.CLONE_NEWNET, "uts": unix.CLONE_NEWUTS}
	flag, ok := flags[strings.Join(args, ",")]
	if !ok {
		return 0, errors.New("no such namespace")
	}
	return flag, nil
}

// namespaces says in which ones the process is.
func namespaces([]string) (string, error) {
	var out []string
	for _, kind := range []string{"mnt", "pid", "ipc", "uts", "cgroup", "net", "user"} {
		to, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			return "", err
		}
		out = append(out, to)
	}
	return strings.Join(out, " "), nil
}

// memory:BYTES uses so much.
func memory(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return "", err
	}
	for i := 0; i < n; i += os.Getpagesize() {
		m[i] = 1
	}
	runtime.KeepAlive(m)
	return "", unix.Munmap(m)
}
