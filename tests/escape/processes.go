package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// processAttacks reach into a process of the same user that is not the module's.
func processAttacks() []attack {
	const family = "processes"
	pid := func(name, source string, try func(given) (string, error)) []attack {
		return []attack{
			{name: name, family: family, source: source, try: try, control: asModule, policy: "open", want: "ESRCH", layer: "pid namespace"},
			{name: name + "-landlock", family: family, source: source + "; landlock(7), ptrace restrictions", try: try, control: asModule,
				policy: "hostpid", want: "EPERM", layer: "Landlock"},
		}
	}
	var out []attack
	out = append(out, pid("ptrace", "ptrace(2)", ptraceSeize)...)
	out = append(out, pid("process_vm_readv", "process_vm_readv(2)", vmRead)...)
	out = append(out, pid("process_vm_writev", "process_vm_readv(2)", vmWrite)...)
	out = append(out, pid("pidfd_getfd", "pidfd_getfd(2)", pidfdGet)...)
	out = append(out, pid("kcmp", "kcmp(2)", kcmp)...)
	return append(out,
		attack{name: "proc-mem", family: family, source: "proc(5), /proc/PID/mem; CVE-2012-0056", try: procMem, control: asModule,
			policy: "open", want: "ENOENT", layer: "pid namespace"},
		attack{name: "proc-root", family: family, source: "proc(5), /proc/PID/root", try: procRoot, control: asModule,
			policy: "open", want: "ENOENT", layer: "pid namespace"},
		attack{name: "ptrace-seccomp", family: family, source: "ptrace(2); before Linux 4.8 a tracer changed calls after the filter", try: ptraceChild,
			policy: "examples/locked", want: "EPERM", layer: "seccomp", opens: "open"},
		attack{name: "init-mem", family: family, source: "CVE-2019-5736: what the sandbox runs in there is taken over", try: initMem, control: asModule,
			hook: initIsNeighbour, policy: "powers", want: "EACCES", layer: "init cannot be traced"},
		attack{name: "prlimit", family: family, source: "prlimit(2), on another process", try: prlimitOther, control: asModule,
			policy: "open", want: "ESRCH", layer: "pid namespace"},
		attack{name: "setpriority", family: family, source: "setpriority(2), on another process", try: niceOther, control: asModule,
			policy: "open", want: "ESRCH", layer: "pid namespace", opens: "hostpid"},
	)
}

// ptraceSeize attaches without stopping, and lets go by ending.
func ptraceSeize(g given) (string, error) { return "", unix.PtraceSeize(g.number("pid")) }

// ptraceChild lets itself be traced.
func ptraceChild(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_PTRACE, unix.PTRACE_TRACEME)
	_, err = s.run(0)
	return "ptrace", err
}

func (g given) word() uintptr {
	n, err := strconv.ParseUint(g["word"], 10, 64)
	if err != nil {
		panic("the attack was not given an address") // a mistake in this program
	}
	return uintptr(n)
}

// vm reads or writes a word of the neighbour's memory.
func vm(g given, number uintptr) error {
	a, err := newArena(4096)
	if err != nil {
		return err
	}
	local := a.words(a.words(0x73656372), 8)
	remote := a.words(g.word(), 8)
	_, err = direct(number, uintptr(g.number("pid")), local, 1, remote, 1, 0)
	return err
}

func vmRead(g given) (string, error)  { return "", vm(g, unix.SYS_PROCESS_VM_READV) }
func vmWrite(g given) (string, error) { return "", vm(g, unix.SYS_PROCESS_VM_WRITEV) }

// pidfdGet takes a copy of a descriptor of the neighbour's.
func pidfdGet(g given) (string, error) {
	pidfd, err := unix.PidfdOpen(g.number("pid"), 0)
	if err != nil {
		return "pidfd_open", err
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, 0, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return "pidfd_getfd", err
}

// kcmp compares address spaces, which tells whether two are one.
func kcmp(g given) (string, error) {
	const vm = 1 // KCMP_VM
	_, err := direct(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(g.number("pid")), vm, 0, 0)
	return "", err
}

func procMem(g given) (string, error) {
	return "", openAndClose(fmt.Sprintf("/proc/%s/mem", g["pid"]), unix.O_RDWR)
}

func procRoot(g given) (string, error) {
	return "", openAndClose(fmt.Sprintf("/proc/%s/root/etc/passwd", g["pid"]), unix.O_RDONLY)
}

// initMem opens the memory of the process that the supervisor runs in the namespace.
func initMem(g given) (string, error) {
	return "", openAndClose(fmt.Sprintf("/proc/%s/mem", g["init"]), unix.O_RDONLY)
}

// initIsNeighbour has the neighbour stand for the init outside.
func initIsNeighbour(s *stage, t *attempt) (judge, error) {
	t.props["init"] = "1"
	if !t.inside {
		t.props["init"] = s.props["pid"]
	}
	return nil, nil
}

// prlimitOther sets a limit of the neighbour to what it is.
func prlimitOther(g given) (string, error) {
	var l unix.Rlimit
	if err := unix.Prlimit(g.number("pid"), unix.RLIMIT_NOFILE, nil, &l); err != nil {
		return "get", err
	}
	return "set", unix.Prlimit(g.number("pid"), unix.RLIMIT_NOFILE, &l, nil)
}

// niceOther makes the neighbour as nice as it is.
func niceOther(g given) (string, error) {
	return "", unix.Setpriority(unix.PRIO_PROCESS, g.number("pid"), 19) // what everybody may ask for, as nice as they are themselves
}

// openAndClose opens a file and does nothing with it.
func openAndClose(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
