package linux

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestEpoll(t *testing.T) {
	k := New()
	ep, err := k.EpollCreate1(unix.EPOLL_CLOEXEC)
	closing(t, ep, err)
	ready, err := k.Eventfd2(1, unix.EFD_CLOEXEC)
	closing(t, ready, err)
	idle, err := k.Eventfd2(0, unix.EFD_CLOEXEC)
	closing(t, idle, err)

	const data = 0xfedcba9876543210 // all 64 bits must come back
	for _, tt := range []struct {
		name  string
		op    int
		fd    posix.FD
		event *posix.EpollEvent
		want  posix.Errno
	}{
		{"change what is not there", unix.EPOLL_CTL_MOD, ready, &posix.EpollEvent{}, unix.ENOENT},
		{"add", unix.EPOLL_CTL_ADD, ready, &posix.EpollEvent{Events: unix.EPOLLIN, Data: data}, 0},
		{"add again", unix.EPOLL_CTL_ADD, ready, &posix.EpollEvent{}, unix.EEXIST},
		{"add an idle one", unix.EPOLL_CTL_ADD, idle, &posix.EpollEvent{Events: unix.EPOLLIN, Data: 1}, 0},
		{"remove it", unix.EPOLL_CTL_DEL, idle, nil, 0},
		{"remove it again", unix.EPOLL_CTL_DEL, idle, nil, unix.ENOENT},
		{"itself", unix.EPOLL_CTL_ADD, ep, &posix.EpollEvent{}, unix.EINVAL},
		{"nothing", unix.EPOLL_CTL_ADD, -1, &posix.EpollEvent{}, unix.EBADF},
		{"a file", unix.EPOLL_CTL_ADD, tempFile(t, tempDir(t), "file", ""), &posix.EpollEvent{}, unix.EPERM},
	} {
		check(t, tt.name, k.EpollCtl(ep, tt.op, tt.fd, tt.event), tt.want)
	}
	events := make([]posix.EpollEvent, 4)
	n, err := k.EpollWait(ep, events, -1)
	if n != 1 || err != nil || events[0] != (posix.EpollEvent{Events: unix.EPOLLIN, Data: data}) {
		t.Errorf("EpollWait: %d, %v, %+v", n, err, events[0])
	}
	_, err = k.EpollWait(ep, nil, 0)
	check(t, "no room", err, unix.EINVAL)
	_, err = k.EpollWait(ready, events, 0)
	check(t, "not an epoll instance", err, unix.EINVAL)
	_, err = k.EpollWait(-1, events, 0)
	check(t, "nothing", err, unix.EBADF)
	_, err = k.EpollCreate1(-1)
	check(t, "unknown flags", err, unix.EINVAL)
}

// More events than one call takes come with the next call.
func TestEpollBatch(t *testing.T) {
	k := New()
	ep, err := k.EpollCreate1(unix.EPOLL_CLOEXEC)
	closing(t, ep, err)
	const total = epollBatch + 10
	for i := range total {
		fd, err := k.Eventfd2(1, unix.EFD_CLOEXEC)
		closing(t, fd, err)
		must(t, "EpollCtl", k.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Data: uint64(i)}))
	}
	var seen []uint64
	events := make([]posix.EpollEvent, 2*epollBatch)
	for _, want := range []int{epollBatch, total - epollBatch, 0} {
		n, err := k.EpollWait(ep, events, 0)
		if n != want || err != nil {
			t.Fatalf("EpollWait: %d, %v, want %d", n, err, want)
		}
		for _, e := range events[:n] {
			seen = append(seen, e.Data)
		}
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != total {
		t.Errorf("saw %d different events, want %d", len(seen), total)
	}
}

func TestPpoll(t *testing.T) {
	k := New()
	r, w, err := k.Pipe2(unix.O_CLOEXEC)
	closing(t, r, err)
	closing(t, w, err)
	fds := []posix.PollFD{{FD: r, Events: unix.POLLIN}, {FD: w, Events: unix.POLLOUT}, {FD: -1, Events: unix.POLLIN, Revents: 99}, {FD: 1 << 20}}
	n, err := k.Ppoll(fds, nil)
	want := []int16{0, unix.POLLOUT, 0, unix.POLLNVAL}
	if n != 2 || err != nil {
		t.Errorf("Ppoll: %d, %v, want 2", n, err)
	}
	for i, f := range fds {
		if f.Revents != want[i] {
			t.Errorf("descriptor %d: %#x, want %#x", f.FD, f.Revents, want[i])
		}
	}
	timeout := posix.Timespec{Nsec: 1000}
	n, err = k.Ppoll(fds[:1], &timeout)
	if n != 0 || err != nil || timeout != (posix.Timespec{Nsec: 1000}) {
		t.Errorf("Ppoll with a timeout: %d, %v, timeout now %+v", n, err, timeout)
	}
	n, err = k.Ppoll(nil, &posix.Timespec{})
	if n != 0 || err != nil {
		t.Errorf("Ppoll of nothing: %d, %v", n, err)
	}
	_, err = k.Ppoll(fds, &posix.Timespec{Nsec: -1})
	check(t, "a bad timeout", err, unix.EINVAL)
}

// counter reads an eventfd or a timerfd.
func counter(t *testing.T, fd posix.FD) (uint64, error) {
	t.Helper()
	buf := make([]byte, 8)
	if _, err := New().Read(fd, buf); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(buf), nil
}

func TestEventfd2(t *testing.T) {
	k := New()
	fd, err := k.Eventfd2(1<<32-1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	closing(t, fd, err)
	if n, err := counter(t, fd); n != 1<<32-1 || err != nil {
		t.Errorf("counter %d, %v", n, err)
	}
	_, err = counter(t, fd)
	check(t, "now zero", err, unix.EAGAIN)
	_, err = k.Eventfd2(0, 1<<30)
	check(t, "unknown flags", err, unix.EINVAL)
}

func TestTimerfd(t *testing.T) {
	k := New()
	fd, err := k.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	closing(t, fd, err)
	_, err = counter(t, fd)
	check(t, "not armed", err, unix.EAGAIN)
	check(t, "in the past", k.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, posix.Itimerspec{Value: posix.Timespec{Nsec: 1}}), 0)
	if n, err := counter(t, fd); n != 1 || err != nil {
		t.Errorf("expired %d times, %v, want 1", n, err)
	}
	check(t, "in an hour", k.TimerfdSettime(fd, 0, posix.Itimerspec{Value: posix.Timespec{Sec: 3600}}), 0)
	_, err = counter(t, fd)
	check(t, "not yet", err, unix.EAGAIN)
	check(t, "repeating", k.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, posix.Itimerspec{Value: posix.Timespec{Nsec: 1}, Interval: posix.Timespec{Sec: 1}}), 0)
	now, err := k.ClockGettime(unix.CLOCK_MONOTONIC)
	must(t, "ClockGettime", err)
	if n, err := counter(t, fd); err != nil || n < uint64(now.Sec) {
		t.Errorf("a timer that expires each second since the start: %d times, %v, up %d s", n, err, now.Sec)
	}
	check(t, "a bad time", k.TimerfdSettime(fd, 0, posix.Itimerspec{Value: posix.Timespec{Nsec: 1e9}}), unix.EINVAL)
	check(t, "no timer", k.TimerfdSettime(tempDir(t), 0, posix.Itimerspec{}), unix.EBADF)
	_, err = k.TimerfdCreate(99, 0)
	check(t, "no such clock", err, unix.EINVAL)
}
