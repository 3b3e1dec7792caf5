package kernel

import (
	"encoding/binary"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// timerfd is a timer to wait on. As in Linux it is armed once at a time: a periodic one that nobody reads costs nothing, and what it has missed is
// counted when somebody does. Source: fs/timerfd.c.
type timerfd struct {
	anonymous
	unmoved
	k        *Kernel
	realtime bool // its times count from the epoch
	timer    *timer
	at       time.Duration // when it expires, or expired
	interval time.Duration
	ticks    uint64
	expired  bool // and not armed again
	q        waitq
}

// TimerfdCreate implements [posix.Polling].
func (p *Process) TimerfdCreate(clock int, flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpTimerfdCreate, uint64(clock), uint64(flags))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.timerfdCreate(clock, uint32(flags))
	}
	return fd, c.leave(errno)
}

func (p *Process) timerfdCreate(clock int, flags uint32) (posix.FD, posix.Errno) {
	if flags&^(unix.TFD_CLOEXEC|unix.TFD_NONBLOCK) != 0 {
		return -1, einval
	}
	switch clock {
	case unix.CLOCK_REALTIME, unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME:
	case unix.CLOCK_REALTIME_ALARM, unix.CLOCK_BOOTTIME_ALARM:
		if !p.cred.has(unix.CAP_WAKE_ALARM) {
			return -1, eperm
		}
	default:
		return -1, einval
	}
	t := &timerfd{k: p.k, realtime: clock == unix.CLOCK_REALTIME || clock == unix.CLOCK_REALTIME_ALARM}
	return p.makeFD(t, oRdwr|flags)
}

// TimerfdSettime implements [posix.Polling].
func (p *Process) TimerfdSettime(fd posix.FD, flags int, value posix.Itimerspec) error {
	c, errno := p.enter(posix.OpTimerfdSettime, uint64(fd), uint64(flags), 1, 0)
	if errno == 0 {
		errno = p.timerfdSettime(fd, uint32(flags), value)
	}
	return c.leave(errno)
}

func (p *Process) timerfdSettime(fd posix.FD, flags uint32, value posix.Itimerspec) posix.Errno {
	if flags&^(unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET) != 0 || !validTime(value.Value) || !validTime(value.Interval) {
		return einval
	}
	t, errno := p.timerfd(fd)
	if errno != 0 {
		return errno
	}
	t.set(duration(value.Value), duration(value.Interval), flags&unix.TFD_TIMER_ABSTIME != 0)
	return 0
}

func (p *Process) timerfd(fd posix.FD) (*timerfd, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return nil, errno
	}
	t, ok := f.object.(*timerfd)
	if !ok {
		return nil, einval
	}
	return t, 0
}

// TimerfdGettime implements [posix.Polling].
func (p *Process) TimerfdGettime(fd posix.FD, value *posix.Itimerspec) error {
	c, errno := p.enter(posix.OpTimerfdGettime, uint64(fd), 1)
	if errno == 0 {
		var t *timerfd
		if t, errno = p.timerfd(fd); errno == 0 {
			*value = t.left()
		}
	}
	return c.leave(errno)
}

// set arms the timer, or disarms it when value is 0.
func (t *timerfd) set(value, interval time.Duration, absolute bool) {
	t.disarm()
	t.ticks, t.expired, t.interval = 0, false, interval
	if value == 0 {
		return
	}
	switch {
	case !absolute:
		value = later(t.k.now, value)
	case t.realtime:
		value -= t.k.config.Boot.Sub(time.Unix(0, 0))
	}
	t.arm(value)
}

func (t *timerfd) arm(at time.Duration) {
	t.at = at
	if at <= t.k.now {
		t.fire()
		return
	}
	if at < math.MaxInt64 {
		t.timer = t.k.after(at, t.fire)
		return
	}
	t.timer = &timer{at: at} // never
}

func (t *timerfd) disarm() {
	if t.timer != nil {
		t.k.cancel(t.timer)
		t.timer = nil
	}
}

func (t *timerfd) fire() {
	t.timer = nil
	t.expired = true
	t.ticks++
	t.q.notify(unix.EPOLLIN)
}

// forward counts what a periodic timer has missed since it expired, and arms it again.
func (t *timerfd) forward() {
	if !t.expired || t.interval == 0 {
		return
	}
	missed := (t.k.now - t.at) / t.interval
	t.ticks += uint64(missed)
	t.expired = false
	t.arm(later(t.at, (missed+1)*t.interval))
}

// left is what timerfd_gettime(2) returns.
func (t *timerfd) left() posix.Itimerspec {
	t.forward()
	v := posix.Itimerspec{Interval: timespec(t.interval)}
	if t.timer != nil {
		v.Value = timespec(t.at - t.k.now)
	}
	return v
}

func (t *timerfd) read(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	if len(b) < 8 {
		return 0, einval
	}
	if t.ticks == 0 {
		return 0, eagain
	}
	t.forward()
	binary.NativeEndian.PutUint64(b, t.ticks)
	t.ticks, t.expired = 0, false
	return 8, 0
}

func (t *timerfd) events(*file) uint32 {
	if t.ticks > 0 {
		return unix.EPOLLIN
	}
	return 0
}

func (t *timerfd) queues(*file) (a, b *waitq) { return &t.q, nil }
func (t *timerfd) release(*file)              { t.disarm() }

func validTime(t posix.Timespec) bool { return t.Sec >= 0 && t.Nsec >= 0 && t.Nsec < 1e9 }

// duration converts a valid time; what is too long is the longest.
func duration(t posix.Timespec) time.Duration {
	if t.Sec >= math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(t.Sec)*time.Second + time.Duration(t.Nsec)
}

func timespec(d time.Duration) posix.Timespec {
	return posix.Timespec{Sec: int64(d / time.Second), Nsec: int64(d % time.Second)}
}

// later is at + d, or the end of time.
func later(at, d time.Duration) time.Duration {
	if d > math.MaxInt64-at {
		return math.MaxInt64
	}
	return at + d
}
