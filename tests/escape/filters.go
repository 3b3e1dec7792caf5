package main

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// filterAttacks try to get rid of a filter by adding others.
func filterAttacks() []attack {
	const family = "nested filters"
	return []attack{
		{name: "filter-allow-all", family: family, source: "seccomp(2): of several filters the strictest answer counts", try: filterAllowAll,
			policy: "arguments", want: "EPERM", layer: "seccomp: arguments and numbers", opens: "open"},
		{name: "filter-errno-0", family: family, source: "seccomp(2), SECCOMP_RET_ERRNO 0 pretends success; ERRNO loses to nothing that allows", try: filterTrace,
			policy: "arguments", want: "EPERM", layer: "seccomp: precedence", opens: "open"},
		{name: "filter-listener", family: family, source: "seccomp_unotify(2), SECCOMP_USER_NOTIF_FLAG_CONTINUE", try: filterListener,
			policy: "arguments", want: "EPERM", layer: "seccomp: precedence", opens: "open"},
		{name: "strict-mode", family: family, source: "prctl(2), PR_SET_SECCOMP: a second mode instead of the first", try: seccompStrict,
			policy: "open", want: "EINVAL", layer: "seccomp: one mode for life"},
	}
}

// denied is what the policy arguments.yaml denies and the kernel does for everybody.
func denied() (string, error) {
	_, err := direct(unix.SYS_PERSONALITY, 0xffffffff)
	return "personality", err
}

// install adds a filter of one or more instructions to this thread.
func installFilter(a *arena, flags uintptr, program ...unix.SockFilter) (uintptr, error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	code := a.take(8 * len(program))
	for i, f := range program {
		copy(code[8*i:], []byte{byte(f.Code), byte(f.Code >> 8), f.Jt, f.Jf, byte(f.K), byte(f.K >> 8), byte(f.K >> 16), byte(f.K >> 24)})
	}
	const setModeFilter = 1 // SECCOMP_SET_MODE_FILTER
	return direct(unix.SYS_SECCOMP, setModeFilter, flags, a.words(uintptr(len(program)), address(code)))
}

func ret(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// onPersonality is a filter with an answer of its own for one call.
func onPersonality(action uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PERSONALITY, Jf: 1},
		ret(action),
		ret(unix.SECCOMP_RET_ALLOW),
	}
}

// filterAllowAll allows everything once more.
func filterAllowAll(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	if _, err := installFilter(a, 0, ret(unix.SECCOMP_RET_ALLOW)); err != nil {
		return "seccomp", err
	}
	return denied()
}

// filterTrace has the call logged and allowed by an answer that ranks between errno and allow.
func filterTrace(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	if _, err := installFilter(a, 0, onPersonality(unix.SECCOMP_RET_LOG)...); err != nil {
		return "seccomp", err
	}
	return denied()
}

// filterListener listens to its own filter and answers that the call goes on.
func filterListener(given) (string, error) {
	a, err := newArena(16384)
	if err != nil {
		return "", err
	}
	type installed struct {
		fd  uintptr
		err error
	}
	ready, done := make(chan installed), make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the filter ends with the thread
		const newListener = 8  // SECCOMP_FILTER_FLAG_NEW_LISTENER
		fd, err := installFilter(a, newListener, onPersonality(unix.SECCOMP_RET_USER_NOTIF)...)
		ready <- installed{fd, err}
		if err != nil {
			return
		}
		_, err = denied()
		done <- err
	}()
	l := <-ready
	if l.err != nil {
		return "seccomp", l.err
	}
	defer unix.Close(int(l.fd))
	go letGoOn(a, int(l.fd))
	return "personality", <-done
}

// letGoOn answers one notification. It returns when the last one with the filter has ended, too.
func letGoOn(a *arena, fd int) {
	req, resp := a.take(80), a.take(24)
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 || p[0].Revents&unix.POLLIN == 0 {
			return
		}
		break
	}
	if _, err := direct(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, address(req)); err != nil {
		return
	}
	copy(resp, req[:8]) // the id
	resp[20] = 1        // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	_, _ = direct(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, address(resp))
}

// seccompStrict asks for the other mode.
func seccompStrict(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, 1) // SECCOMP_MODE_STRICT
	_, err = s.run(0)
	if errors.Is(err, killedBy(unix.SIGKILL)) {
		err = nil // it is on: exit_group is not among the four calls that are left
	}
	return "prctl", err
}
