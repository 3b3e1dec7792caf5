package conformance

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// watch makes an epoll instance that watches fds, which are their own data.
func (t *T) watch(events uint32, fds ...posix.FD) posix.FD {
	t.Helper()
	ep := t.FD(t.Core.EpollCreate1(unix.EPOLL_CLOEXEC))
	for _, fd := range fds {
		t.Must("add", t.Core.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: events, Data: uint64(fd)}))
	}
	return ep
}

// ready compares what is reported at once: the data, in the order in which it became ready.
func (t *T) ready(what string, ep posix.FD, want ...posix.FD) {
	t.Helper()
	events := make([]posix.EpollEvent, 16)
	n, err := t.Core.EpollWait(ep, events, 0)
	if err != nil || n != len(want) {
		t.Errorf("%s: %d reports, %v, want %d", what, n, err, len(want))
		return
	}
	for i := range n {
		if events[i].Data != uint64(want[i]) {
			t.Errorf("%s: report %d is of %d, want %d", what, i, events[i].Data, want[i])
		}
	}
}

// polled returns what poll says of one descriptor at once.
func (t *T) polled(fd posix.FD, events int16) int16 {
	t.Helper()
	fds := []posix.PollFD{{FD: fd, Events: events, Revents: -1}}
	n, err := t.Core.Ppoll(fds, &posix.Timespec{})
	t.Must("poll", err)
	if (n > 0) != (fds[0].Revents != 0) {
		t.Errorf("poll: %d ready, but %#x", n, fds[0].Revents)
	}
	return fds[0].Revents
}

// waited repeats a call that waits until no signal interrupts it: the Go runtime stops a thread that has run for long by one (signal(7), "Interruption
// of system calls": those that wait for descriptors are never restarted).
func waited(call func() (int, error)) (int, error) {
	n, err := call()
	for errors.Is(err, unix.EINTR) {
		n, err = call()
	}
	return n, err
}

// dup returns another descriptor of the same description.
func (t *T) dup(fd posix.FD) posix.FD {
	t.Helper()
	n, err := t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 0)
	return t.FD(posix.FD(n), err)
}

const allEvents = 0x23c7 // all that can be asked for, but ERR, HUP, NVAL, MSG

func eventfdBytes(n uint64) []byte { return binary.NativeEndian.AppendUint64(nil, n) }

func pollingCases() []Case {
	return []Case{
		{Op: posix.OpEpollCreate1, Name: "flags", Run: func(t *T) {
			_, err := t.Core.EpollCreate1(1)
			t.Errno("unknown", err, unix.EINVAL)
			_, err = t.Core.EpollCreate1(-1)
			t.Errno("negative", err, unix.EINVAL)
			fd := t.FD(t.Core.EpollCreate1(unix.EPOLL_CLOEXEC))
			n, err := t.Core.Fcntl(fd, unix.F_GETFD, 0)
			t.count("close-on-exec", n, err, unix.FD_CLOEXEC)
		}},
		{Op: posix.OpEpollCreate1, Name: "is no file", Run: func(t *T) {
			fd := t.FD(t.Core.EpollCreate1(0))
			_, err := t.Core.Read(fd, make([]byte, 8))
			t.Errno("read", err, unix.EINVAL)
			_, err = t.Core.Write(fd, make([]byte, 8))
			t.Errno("write", err, unix.EINVAL)
			_, err = t.Core.Pread(fd, make([]byte, 8), 0)
			t.Errno("pread", err, unix.ESPIPE)
			var st posix.Stat
			t.Must("stat", t.Core.Fstat(fd, &st))
			t.Equal("mode", st.Mode, uint32(0o600))
		}},
		{Op: posix.OpEpollCreate1, Name: "becomes readable", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(unix.EPOLLIN, r)
			t.Equal("before", t.polled(ep, allEvents), int16(0))
			t.writes("text", w, "x")
			t.Equal("after", t.polled(ep, allEvents), int16(unix.EPOLLIN|unix.EPOLLRDNORM))
		}},
		{Op: posix.OpEpollCtl, Name: "order of checks", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(unix.EPOLLIN, r)
			f := t.File("f", "")
			in := &posix.EpollEvent{Events: unix.EPOLLIN}
			for _, c := range []struct {
				what  string
				ep    posix.FD
				op    int
				fd    posix.FD
				event *posix.EpollEvent
				want  posix.Errno
			}{
				{"no event", -1, unix.EPOLL_CTL_ADD, -1, nil, unix.EFAULT},
				{"no instance", -1, unix.EPOLL_CTL_ADD, -1, in, unix.EBADF},
				{"no descriptor", ep, unix.EPOLL_CTL_ADD, -1, in, unix.EBADF},
				{"a file, and no instance", r, unix.EPOLL_CTL_ADD, f, in, unix.EPERM},
				{"a file", ep, unix.EPOLL_CTL_ADD, f, in, unix.EPERM},
				{"a directory", ep, unix.EPOLL_CTL_ADD, t.Dir, in, unix.EPERM},
				{"not an instance", r, unix.EPOLL_CTL_ADD, w, in, unix.EINVAL},
				{"itself", ep, unix.EPOLL_CTL_ADD, ep, in, unix.EINVAL},
				{"again", ep, unix.EPOLL_CTL_ADD, r, in, unix.EEXIST},
				{"change what is not there", ep, unix.EPOLL_CTL_MOD, w, in, unix.ENOENT},
				{"remove what is not there", ep, unix.EPOLL_CTL_DEL, w, nil, unix.ENOENT},
				{"unknown operation", ep, 9, r, in, unix.EINVAL},
				{"unknown operation without event", ep, 9, r, nil, unix.EFAULT},
				{"remove", ep, unix.EPOLL_CTL_DEL, r, nil, 0},
			} {
				t.Errno(c.what, t.Core.EpollCtl(c.ep, c.op, c.fd, c.event), c.want)
			}
		}},
		{Op: posix.OpEpollCtl, Name: "exclusive", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.FD(t.Core.EpollCreate1(0))
			inner := t.FD(t.Core.EpollCreate1(0))
			ctl := func(op int, fd posix.FD, events uint32) error {
				return t.Core.EpollCtl(ep, op, fd, &posix.EpollEvent{Events: events})
			}
			t.Errno("add", ctl(unix.EPOLL_CTL_ADD, r, unix.EPOLLEXCLUSIVE|unix.EPOLLIN|unix.EPOLLET), 0)
			t.Errno("change", ctl(unix.EPOLL_CTL_MOD, r, unix.EPOLLIN), unix.EINVAL)
			t.Errno("change to it", ctl(unix.EPOLL_CTL_MOD, w, unix.EPOLLEXCLUSIVE|unix.EPOLLIN), unix.EINVAL)
			t.Errno("once", ctl(unix.EPOLL_CTL_ADD, w, unix.EPOLLEXCLUSIVE|unix.EPOLLONESHOT|unix.EPOLLOUT), unix.EINVAL)
			t.Errno("hang-up", ctl(unix.EPOLL_CTL_ADD, w, unix.EPOLLEXCLUSIVE|unix.EPOLLRDHUP), unix.EINVAL)
			t.Errno("nested", ctl(unix.EPOLL_CTL_ADD, inner, unix.EPOLLEXCLUSIVE|unix.EPOLLIN), unix.EINVAL)
		}},
		{Op: posix.OpEpollCtl, Name: "circles and depth", Run: func(t *T) {
			var eps []posix.FD
			for range 8 {
				eps = append(eps, t.FD(t.Core.EpollCreate1(0)))
			}
			in := &posix.EpollEvent{Events: unix.EPOLLIN}
			want := []posix.Errno{0, 0, 0, 0, unix.ELOOP, 0, 0}
			for i := range 7 {
				t.Errno("nest", t.Core.EpollCtl(eps[i+1], unix.EPOLL_CTL_ADD, eps[i], in), want[i])
			}
			t.Errno("circle", t.Core.EpollCtl(eps[0], unix.EPOLL_CTL_ADD, eps[1], in), unix.ELOOP)
		}},
		{Op: posix.OpEpollCtl, Name: "change looks again", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(unix.EPOLLPRI, r)
			t.writes("text", w, "x")
			t.ready("not asked for", ep)
			t.Must("change", t.Core.EpollCtl(ep, unix.EPOLL_CTL_MOD, r, &posix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Data: 77}))
			t.ready("asked for", ep, 77)
			t.ready("edge", ep)
			t.Must("again", t.Core.EpollCtl(ep, unix.EPOLL_CTL_MOD, r, &posix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Data: 78}))
			t.ready("again", ep, 78)
		}},
		{Op: posix.OpEpollWait, Name: "order of checks", Run: func(t *T) {
			r, _ := t.pipe(0)
			one := make([]posix.EpollEvent, 1)
			_, err := t.Core.EpollWait(-1, one, 0)
			t.Errno("no instance", err, unix.EBADF)
			_, err = t.Core.EpollWait(r, one, 0)
			t.Errno("not an instance", err, unix.EINVAL)
			_, err = t.Core.EpollWait(t.watch(unix.EPOLLIN, r), nil, 0)
			t.Errno("no room", err, unix.EINVAL)
		}},
		{Op: posix.OpEpollWait, Name: "level", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(unix.EPOLLIN, r)
			t.ready("nothing", ep)
			t.writes("text", w, "x")
			t.ready("first", ep, r)
			t.ready("still", ep, r)
			t.wants("text", r, "x")
			t.ready("taken", ep)
		}},
		{Op: posix.OpEpollWait, Name: "edge", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(unix.EPOLLIN|unix.EPOLLET, r)
			t.writes("text", w, "x")
			t.ready("first", ep, r)
			t.ready("no second report", ep)
			t.writes("more", w, "y")
			t.ready("more", ep, r)
		}},
		{Op: posix.OpEpollWait, Name: "once", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(unix.EPOLLIN|unix.EPOLLONESHOT, r)
			t.writes("text", w, "x")
			t.ready("first", ep, r)
			t.writes("more", w, "y")
			t.ready("disabled", ep)
			t.Must("enable", t.Core.EpollCtl(ep, unix.EPOLL_CTL_MOD, r, &posix.EpollEvent{Events: unix.EPOLLIN, Data: 5}))
			t.ready("enabled", ep, 5)
		}},
		{Op: posix.OpEpollWait, Name: "order of reports", Run: func(t *T) {
			r1, w1 := t.pipe(0)
			r2, w2 := t.pipe(0)
			r3, w3 := t.pipe(0)
			ep := t.watch(unix.EPOLLIN, r1, r2, r3)
			t.writes("third", w3, "x")
			t.writes("first", w1, "x")
			t.writes("second", w2, "x")
			t.ready("as they became ready", ep, r3, r1, r2)
			one := make([]posix.EpollEvent, 1)
			for _, want := range []posix.FD{r3, r1, r2, r3} {
				n, err := t.Core.EpollWait(ep, one, 0)
				t.count("one", n, err, 1)
				t.Equal("in turn", one[0].Data, uint64(want))
			}
		}},
		{Op: posix.OpEpollWait, Name: "copies of a descriptor", Run: func(t *T) {
			r, w := t.pipe(0)
			again := t.dup(r)
			ep := t.watch(unix.EPOLLIN, r, again)
			t.writes("text", w, "x")
			t.ready("both", ep, again, r)
			t.Must("close", t.Core.Close(again))
			t.ready("closed, but its description is not", ep, again, r)
			t.Must("close", t.Core.Close(r))
			t.ready("all closed", ep)
		}},
		{Op: posix.OpEpollWait, Name: "nested", Run: func(t *T) {
			r, w := t.pipe(0)
			inner := t.watch(unix.EPOLLIN, r)
			outer := t.watch(unix.EPOLLIN, inner)
			t.ready("nothing", outer)
			t.writes("text", w, "x")
			t.ready("outer", outer, inner)
			t.ready("inner", inner, r)
			t.wants("text", r, "x")
			t.ready("taken", outer)
		}},
		{Op: posix.OpEpollWait, Name: "hang-up", Run: func(t *T) {
			r, w := t.pipe(0)
			ep := t.watch(0, r, w)
			events := make([]posix.EpollEvent, 4)
			t.Must("close", t.Core.Close(r))
			n, err := t.Core.EpollWait(ep, events, 0)
			t.count("writer", n, err, 1)
			t.Equal("events", events[0].Events, uint32(unix.EPOLLERR))
			r, w = t.pipe(0)
			ep = t.watch(0, r)
			t.Must("close", t.Core.Close(w))
			n, err = t.Core.EpollWait(ep, events, 0)
			t.count("reader", n, err, 1)
			t.Equal("events", events[0].Events, uint32(unix.EPOLLHUP))
		}},
		{Op: posix.OpEpollWait, Name: "time", Run: func(t *T) {
			r, _ := t.pipe(0)
			ep := t.watch(unix.EPOLLIN, r)
			before, err := t.Core.ClockGettime(unix.CLOCK_MONOTONIC)
			t.Must("time", err)
			n, err := waited(func() (int, error) { return t.Core.EpollWait(ep, make([]posix.EpollEvent, 1), 20) })
			t.count("nothing", n, err, 0)
			after, err := t.Core.ClockGettime(unix.CLOCK_MONOTONIC)
			t.Must("time", err)
			if waited := (after.Sec-before.Sec)*1e9 + after.Nsec - before.Nsec; waited < 20e6 {
				t.Errorf("it waited %d ns, want 20 ms at least", waited)
			}
		}},
		{Op: posix.OpPpoll, Name: "descriptors", Run: func(t *T) {
			r, w := t.pipe(0)
			f := t.File("f", "")
			path := t.Open("f", unix.O_PATH)
			t.Equal("negative", t.polled(-5, allEvents), int16(0))
			t.Equal("not open", t.polled(1<<30, allEvents), int16(unix.POLLNVAL))
			t.Equal("a path", t.polled(path, allEvents), int16(unix.POLLNVAL))
			t.Equal("a file", t.polled(f, allEvents), int16(0x145))
			t.Equal("a file, not asked", t.polled(f, 0), int16(0))
			t.Equal("an empty pipe", t.polled(r, allEvents), int16(0))
			t.Equal("room in a pipe", t.polled(w, allEvents), int16(0x104))
			t.writes("text", w, "x")
			t.Equal("a pipe", t.polled(r, allEvents), int16(0x41))
			t.Must("close", t.Core.Close(w))
			t.Equal("no writer", t.polled(r, allEvents), int16(0x51))
		}},
		{Op: posix.OpPpoll, Name: "timeout", Run: func(t *T) {
			for _, bad := range []posix.Timespec{{Sec: -1}, {Nsec: -1}, {Nsec: 1e9}} {
				_, err := t.Core.Ppoll(nil, &bad)
				t.Errno("nonsense", err, unix.EINVAL)
			}
			n, err := waited(func() (int, error) { return t.Core.Ppoll(nil, &posix.Timespec{Nsec: 1e6}) })
			t.count("nothing", n, err, 0)
			r, _ := t.pipe(0)
			fds := []posix.PollFD{{FD: r, Events: unix.POLLIN, Revents: 9}}
			n, err = waited(func() (int, error) { return t.Core.Ppoll(fds, &posix.Timespec{Nsec: 1e6}) })
			t.count("a pipe", n, err, 0)
			t.Equal("cleared", fds[0].Revents, int16(0))
		}},
		{Op: posix.OpPpoll, Name: "more than one ready", Run: func(t *T) {
			r, w := t.pipe(0)
			fds := []posix.PollFD{{FD: r, Events: unix.POLLIN}, {FD: w, Events: unix.POLLOUT}, {FD: -1}, {FD: 1 << 30}}
			n, err := t.Core.Ppoll(fds, nil)
			t.count("two", n, err, 2)
			t.Equal("reader", fds[0].Revents, int16(0))
			t.Equal("writer", fds[1].Revents, int16(unix.POLLOUT))
		}},
		{Op: posix.OpEventfd2, Name: "counts", Run: func(t *T) {
			fd := t.FD(t.Core.Eventfd2(3, unix.EFD_NONBLOCK))
			t.writes("two more", fd, string(eventfdBytes(2)))
			t.wants("all", fd, string(eventfdBytes(5)))
			_, err := t.Core.Read(fd, make([]byte, 8))
			t.Errno("none", err, unix.EAGAIN)
		}},
		{Op: posix.OpEventfd2, Name: "semaphore", Run: func(t *T) {
			fd := t.FD(t.Core.Eventfd2(2, unix.EFD_NONBLOCK|unix.EFD_SEMAPHORE))
			t.wants("one", fd, string(eventfdBytes(1)))
			t.wants("two", fd, string(eventfdBytes(1)))
			_, err := t.Core.Read(fd, make([]byte, 8))
			t.Errno("none", err, unix.EAGAIN)
		}},
		{Op: posix.OpEventfd2, Name: "sizes", Run: func(t *T) {
			fd := t.FD(t.Core.Eventfd2(0, unix.EFD_NONBLOCK))
			for _, n := range []int{0, 4, 7} {
				_, err := t.Core.Read(fd, make([]byte, n))
				t.Errno("short read", err, unix.EINVAL)
				_, err = t.Core.Write(fd, make([]byte, n))
				t.Errno("short write", err, unix.EINVAL)
			}
			_, err := t.Core.Write(fd, eventfdBytes(^uint64(0)))
			t.Errno("the reserved value", err, unix.EINVAL)
			t.writes("the largest", fd, string(eventfdBytes(^uint64(0)-1)))
			_, err = t.Core.Write(fd, eventfdBytes(1))
			t.Errno("one more", err, unix.EAGAIN)
			t.Equal("full", t.polled(fd, allEvents), int16(unix.POLLIN))
		}},
		{Op: posix.OpEventfd2, Name: "unknown flags", Run: func(t *T) {
			_, err := t.Core.Eventfd2(0, 2)
			t.Errno("unknown", err, unix.EINVAL)
		}},
		{Op: posix.OpTimerfdCreate, Name: "clocks", Run: func(t *T) {
			for _, clock := range []int{unix.CLOCK_REALTIME, unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME} {
				t.FD(t.Core.TimerfdCreate(clock, unix.TFD_CLOEXEC))
			}
			for _, clock := range []int{unix.CLOCK_PROCESS_CPUTIME_ID, unix.CLOCK_MONOTONIC_RAW, -1, 100} {
				_, err := t.Core.TimerfdCreate(clock, 0)
				t.Errno("clock", err, unix.EINVAL)
			}
		}},
		{Op: posix.OpTimerfdCreate, Name: "unknown flags", Run: func(t *T) {
			_, err := t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, 2)
			t.Errno("unknown", err, unix.EINVAL)
		}},
		{Op: posix.OpTimerfdCreate, Name: "alarm", Need: User, Run: func(t *T) {
			_, err := t.Core.TimerfdCreate(unix.CLOCK_REALTIME_ALARM, 0)
			t.Errno("without the capability", err, unix.EPERM)
		}},
		{Op: posix.OpTimerfdSettime, Name: "order of checks", Run: func(t *T) {
			fd := t.FD(t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, 0))
			r, _ := t.pipe(0)
			second := posix.Timespec{Sec: 1}
			t.Errno("nonsense", t.Core.TimerfdSettime(-1, 0, posix.Itimerspec{Value: posix.Timespec{Nsec: 1e9}}), unix.EINVAL)
			t.Errno("interval", t.Core.TimerfdSettime(fd, 0, posix.Itimerspec{Interval: posix.Timespec{Sec: -1}}), unix.EINVAL)
			t.Errno("flags", t.Core.TimerfdSettime(-1, 4, posix.Itimerspec{}), unix.EINVAL)
			t.Errno("no descriptor", t.Core.TimerfdSettime(-1, 0, posix.Itimerspec{Value: second}), unix.EBADF)
			t.Errno("a pipe", t.Core.TimerfdSettime(r, 0, posix.Itimerspec{Value: second}), unix.EINVAL)
		}},
		{Op: posix.OpTimerfdSettime, Name: "expires", Run: func(t *T) {
			fd := t.FD(t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK))
			_, err := t.Core.Read(fd, make([]byte, 8))
			t.Errno("not armed", err, unix.EAGAIN)
			_, err = t.Core.Read(fd, make([]byte, 7))
			t.Errno("too small", err, unix.EINVAL)
			t.Must("arm", t.Core.TimerfdSettime(fd, 0, posix.Itimerspec{Value: posix.Timespec{Nsec: 1e6}}))
			ep := t.watch(unix.EPOLLIN, fd)
			n, err := t.Core.EpollWait(ep, make([]posix.EpollEvent, 1), -1)
			t.count("wait", n, err, 1)
			t.wants("one", fd, string(eventfdBytes(1)))
			_, err = t.Core.Read(fd, make([]byte, 8))
			t.Errno("taken", err, unix.EAGAIN)
		}},
		{Op: posix.OpTimerfdSettime, Name: "in the past", Run: func(t *T) {
			for _, clock := range []int{unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME} {
				fd := t.FD(t.Core.TimerfdCreate(clock, 0))
				t.Must("arm", t.Core.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, posix.Itimerspec{Value: posix.Timespec{Nsec: 1}}))
				t.wants("at once", fd, string(eventfdBytes(1)))
			}
		}},
		{Op: posix.OpTimerfdSettime, Name: "disarms", Run: func(t *T) {
			fd := t.FD(t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, 0))
			t.Must("arm", t.Core.TimerfdSettime(fd, 0, posix.Itimerspec{Value: posix.Timespec{Sec: 100}}))
			t.Must("disarm", t.Core.TimerfdSettime(fd, 0, posix.Itimerspec{Interval: posix.Timespec{Sec: 7}}))
			var v posix.Itimerspec
			t.Must("get", t.Core.TimerfdGettime(fd, &v))
			t.Equal("the interval stays", v, posix.Itimerspec{Interval: posix.Timespec{Sec: 7}})
		}},
		{Op: posix.OpTimerfdGettime, Name: "armed", Run: func(t *T) {
			fd := t.FD(t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, 0))
			set := posix.Itimerspec{Value: posix.Timespec{Sec: 100}, Interval: posix.Timespec{Sec: 5, Nsec: 6}}
			t.Must("arm", t.Core.TimerfdSettime(fd, 0, set))
			var v posix.Itimerspec
			t.Must("get", t.Core.TimerfdGettime(fd, &v))
			t.Equal("interval", v.Interval, set.Interval)
			if v.Value.Sec < 90 || v.Value.Sec > 100 {
				t.Errorf("%v left of 100 seconds", v.Value)
			}
		}},
		{Op: posix.OpTimerfdGettime, Name: "not armed", Run: func(t *T) {
			fd := t.FD(t.Core.TimerfdCreate(unix.CLOCK_REALTIME, 0))
			v := posix.Itimerspec{Value: posix.Timespec{Sec: 1}}
			t.Must("get", t.Core.TimerfdGettime(fd, &v))
			t.Equal("nothing", v, posix.Itimerspec{})
		}},
		{Op: posix.OpTimerfdGettime, Name: "not a timer", Run: func(t *T) {
			r, _ := t.pipe(0)
			var v posix.Itimerspec
			t.Errno("a pipe", t.Core.TimerfdGettime(r, &v), unix.EINVAL)
			t.Errno("nothing", t.Core.TimerfdGettime(-1, &v), unix.EBADF)
		}},
	}
}
