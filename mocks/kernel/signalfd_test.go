package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// A signalfd that parent and child share is ready for the one who has signals, whoever used it last.
func TestSignalfdIsAskedOfWhoPolls(t *testing.T) {
	parent := machine(t, kernel.Config{}).Init()
	set := posix.Sigbit(unix.SIGUSR1)
	must(t, "sigprocmask", parent.RtSigprocmask(unix.SIG_BLOCK, &set, nil))
	fd, err := parent.Signalfd4(-1, set, unix.SFD_NONBLOCK)
	must(t, "signalfd4", err)
	child, err := parent.Child()
	must(t, "child", err)
	ready := func(p *kernel.Process) bool {
		n, err := p.Ppoll([]posix.PollFD{{FD: fd, Events: unix.POLLIN}}, &posix.Timespec{})
		must(t, "ppoll", err)
		ep, err := p.EpollCreate1(0)
		must(t, "epoll_create1", err)
		must(t, "epoll_ctl", p.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: unix.EPOLLIN}))
		m, err := p.EpollWait(ep, make([]posix.EpollEvent, 1), 0)
		must(t, "epoll_wait", err)
		must(t, "close", p.Close(ep))
		if m != n {
			t.Errorf("ppoll says %d and epoll_wait %d", n, m)
		}
		return n > 0
	}
	if ready(parent) || ready(child) {
		t.Error("ready without a signal")
	}
	must(t, "kill", parent.Kill(child.Getpid(), unix.SIGUSR1))
	for range 2 {
		if ready(parent) {
			t.Error("ready for the parent, which has no signal")
		}
		if !ready(child) {
			t.Error("not ready for the child, which has one")
		}
	}
	if _, err := parent.Read(fd, make([]byte, posix.SignalInfoSize)); err != unix.EAGAIN {
		t.Errorf("the parent reads: %v, want EAGAIN", err)
	}
	if !ready(child) {
		t.Error("not ready for the child when the parent has read")
	}
	if n, err := child.Read(fd, make([]byte, posix.SignalInfoSize)); n != posix.SignalInfoSize || err != nil {
		t.Errorf("the child reads: %d, %v", n, err)
	}
	must(t, "close", child.Close(fd))
	must(t, "close", parent.Close(fd))
	child.Exit(0)
}
