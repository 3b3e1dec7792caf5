package linux

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// What a supervisor does all day allocates nothing, errors included. The calls are made through the interface, as callers make them.
func TestNoAllocation(t *testing.T) {
	var k posix.Core = New()
	dir := tempDir(t)
	file := tempFile(t, dir, "file", "0123456789")
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	closing(t, r, err)
	closing(t, w, err)
	drain, piped, err := k.Pipe2(unix.O_CLOEXEC)
	closing(t, drain, err)
	closing(t, piped, err)
	ep, err := k.EpollCreate1(unix.EPOLL_CLOEXEC)
	closing(t, ep, err)
	event, err := k.Eventfd2(1, unix.EFD_CLOEXEC)
	closing(t, event, err)
	must(t, "EpollCtl", k.EpollCtl(ep, unix.EPOLL_CTL_ADD, event, &posix.EpollEvent{Events: unix.EPOLLIN}))
	timer, err := k.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	closing(t, timer, err)
	self, err := k.PidfdOpen(k.Getpid(), 0)
	closing(t, self, err)
	a, b := pair(t, unix.SOCK_DGRAM)
	server, addr := listener(t, inet4("127.0.0.1:0"))

	buf := make([]byte, 64)
	events := make([]posix.EpollEvent, 8)
	fds := make([]posix.PollFD, 1)
	groups := make([]posix.GID, 64)
	msg := &posix.Msg{Data: buf[:1]}
	st, info, caps, tcp := &posix.Stat{}, &posix.WaitInfo{}, &posix.CapSets{}, &posix.TCPInfo{}
	change := &posix.EpollEvent{Events: unix.EPOLLIN, Data: 7}
	timeout := &posix.Timespec{}

	for _, tt := range []struct {
		name string
		want posix.Errno
		do   func() error
	}{
		{"openat2 and close", 0, func() error {
			fd, err := k.Openat2(dir, "file", posix.OpenHow{Flags: unix.O_CLOEXEC})
			if err != nil {
				return err
			}
			return k.Close(fd)
		}},
		{"openat2 fails", unix.ENOENT, func() error { _, err := k.Openat2(dir, "none", posix.OpenHow{}); return err }},
		{"openat2 escapes", unix.EXDEV, func() error {
			_, err := k.Openat2(dir, "../x", posix.OpenHow{Resolve: unix.RESOLVE_BENEATH})
			return err
		}},
		{"close fails", unix.EBADF, func() error { return k.Close(-1) }},
		{"read would block", unix.EAGAIN, func() error { _, err := k.Read(r, buf); return err }},
		{"write and read", 0, func() error {
			if _, err := k.Write(w, buf); err != nil {
				return err
			}
			_, err := k.Read(r, buf)
			return err
		}},
		{"tee would block", unix.EAGAIN, func() error { _, err := k.Tee(r, piped, 1, unix.SPLICE_F_NONBLOCK); return err }},
		{"pread", 0, func() error { _, err := k.Pread(file, buf, 0); return err }},
		{"fstat", 0, func() error { return k.Fstat(file, st) }},
		{"fstatat", 0, func() error { return k.Fstatat(dir, "file", st, 0) }},
		{"readlinkat fails", unix.EINVAL, func() error { _, err := k.Readlinkat(dir, "file", buf); return err }},
		{"unlinkat fails", unix.ENOENT, func() error { return k.Unlinkat(dir, "none", 0) }},
		{"fcntl", 0, func() error { _, err := k.Fcntl(file, unix.F_GETFD, 0); return err }},
		{"epoll_ctl", 0, func() error { return k.EpollCtl(ep, unix.EPOLL_CTL_MOD, event, change) }},
		{"epoll_wait", 0, func() error { _, err := k.EpollWait(ep, events, 0); return err }},
		{"ppoll", 0, func() error { fds[0] = posix.PollFD{FD: r}; _, err := k.Ppoll(fds, timeout); return err }},
		{"timerfd_settime", 0, func() error { return k.TimerfdSettime(timer, 0, posix.Itimerspec{}) }},
		{"clock_gettime", 0, func() error { _, err := k.ClockGettime(unix.CLOCK_MONOTONIC); return err }},
		{"waitid fails", unix.ECHILD, func() error { return k.Waitid(posix.PPid, 1, info, unix.WEXITED|unix.WNOHANG) }},
		{"pidfd_send_signal", 0, func() error { return k.PidfdSendSignal(self, 0) }},
		{"kill", 0, func() error { return k.Kill(k.Getpid(), 0) }},
		{"sendmsg and recvmsg", 0, func() error {
			if _, err := k.Sendmsg(a, msg, 0); err != nil {
				return err
			}
			_, err := k.Recvmsg(b, msg, 0)
			return err
		}},
		{"accept4 would block", unix.EAGAIN, func() error { _, _, err := k.Accept4(server, 0); return err }},
		{"getsockname", 0, func() error { _, err := k.Getsockname(server); return err }},
		{"bind fails", unix.EINVAL, func() error { return k.Bind(server, addr) }},
		{"connect fails", unix.EISCONN, func() error { return k.Connect(server, addr) }},
		{"getsockopt tcp_info", 0, func() error { return k.GetsockoptTCPInfo(server, tcp) }},
		{"getsockopt ucred", 0, func() error { _, err := k.GetsockoptUcred(a); return err }},
		{"getgroups", 0, func() error { _, err := k.Getgroups(groups); return err }},
		{"capget", 0, func() error { return k.Capget(caps) }},
		{"getrandom", 0, func() error { _, err := k.Getrandom(buf, 0); return err }},
	} {
		check(t, tt.name, tt.do(), tt.want)
		if n := testing.AllocsPerRun(100, func() { _ = tt.do() }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", tt.name, n)
		}
	}
}
