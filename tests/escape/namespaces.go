package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// namespaceAttacks make namespaces, in which one has all capabilities, or enter those of others.
func namespaceAttacks() []attack {
	const family = "namespaces"
	return []attack{
		{name: "clone-newuser", family: family, source: "user_namespaces(7); CVE-2022-0185 and many others begin with it", try: cloneUser,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "clone3-newuser", family: family, source: "clone(2): a filter cannot see the flags of clone3; CVE-2021-30465's advice", try: clone3User,
			policy: "examples/locked", want: "ENOSYS", layer: "seccomp", opens: "open"},
		{name: "unshare-newuser", family: family, source: "unshare(2)", try: unshareUser,
			policy: "examples/locked", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "clone-newns", family: family, source: "clone(2), CLONE_NEWNS", try: cloneMount, control: apart,
			policy: "open", want: "EPERM", layer: "capabilities", opens: "powers"},
		{name: "setns-pidfd", family: family, source: "setns(2), with a pidfd since Linux 5.8", try: setnsPidfd, control: apart,
			policy: "open", want: "EPERM", layer: "capabilities"},
		{name: "init-namespace", family: family, source: "setns(2), namespaces(7): /proc/1/ns, by which nsenter(1) gets in and out", try: initNamespace, control: asModule,
			hook: initIsNeighbour, policy: "powers", want: "EACCES", layer: "init cannot be traced"},
		{name: "userns-mount", family: family, source: "user_namespaces(7): mounts are allowed in a new one", try: mountInUserNamespace,
			policy: "open", want: "EPERM", layer: "Landlock"},
		{name: "userns-packet", family: family, source: "CVE-2017-7308, CVE-2020-14386: AF_PACKET by way of a user namespace", try: packetInUserNamespace,
			policy: "examples/locked", want: "EPERM", layer: "seccomp: arguments", opens: "open"},
		{name: "newtime", family: family, source: "time_namespaces(7)", try: unshareTime, control: apart,
			policy: "open", want: "EPERM", layer: "capabilities", opens: "powers"},
	}
}

// child makes a child with flags that does nothing.
func child(flags uintptr) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_GETPID)
	_, err = s.run(flags)
	return "clone", err
}

func cloneUser(given) (string, error)  { return child(unix.CLONE_NEWUSER) }
func cloneMount(given) (string, error) { return child(unix.CLONE_NEWNS) }

// clone3User asks for the same by the call whose flags are in memory. The child must not return into the runtime, so it is asked for without
// a stack and shares nothing: it ends by a fault of its own making when it is not refused; here it is a copy, like after fork(2).
func clone3User(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	// A child of a child makes the call, and both of them go on with what follows: exit.
	args := s.take(88)
	flags := args[:8]
	for i := range 8 {
		flags[i] = byte(uint64(unix.CLONE_NEWUSER) >> (8 * i))
	}
	args[32] = byte(unix.SIGCHLD) // exit_signal
	s.add(unix.SYS_CLONE3, address(args), 88)
	_, err = s.run(0)
	return "clone3", err
}

// unshareUser leaves the user namespace, which takes a process with one thread.
func unshareUser(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
	_, err = s.run(0)
	return "unshare", err
}

func unshareTime(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_UNSHARE, unix.CLONE_NEWTIME)
	_, err = s.run(0)
	return "unshare", err
}

// setnsPidfd enters a namespace of a process that it can name: itself.
func setnsPidfd(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_PIDFD_OPEN, uintptr(unix.Getpid()), 0)
	s.add(unix.SYS_SETNS, result(0), unix.CLONE_NEWUTS)
	at, err := s.run(0)
	return []string{"pidfd_open", "setns", ""}[max(at, 0)], err
}

// initNamespace opens a namespace of the process 1 that it sees, as one does to enter it.
func initNamespace(g given) (string, error) {
	return "", openAndClose("/proc/"+g["init"]+"/ns/uts", unix.O_RDONLY)
}

// mountInUserNamespace mounts a tmpfs where it is the namespaces' owner.
func mountInUserNamespace(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	tmpfs := s.text("tmpfs")
	s.add(unix.SYS_MOUNT, tmpfs, s.text("/tmp"), tmpfs, 0, 0)
	at, err := s.run(unix.CLONE_NEWUSER | unix.CLONE_NEWNS)
	return fmt.Sprint([]string{"clone", "mount", ""}[min(at+1, 2)]), err
}

// packetInUserNamespace opens a packet socket in a network namespace of its own.
func packetInUserNamespace(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_SOCKET, unix.AF_PACKET, unix.SOCK_RAW, 0)
	at, err := s.run(unix.CLONE_NEWUSER | unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) && at < 0 {
		return "clone", err
	}
	return "socket", err
}
