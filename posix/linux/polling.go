package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// EpollCreate1 implements [posix.Polling].
func (k *Kernel) EpollCreate1(flags int) (posix.FD, error) {
	return descriptor(unix.EpollCreate1(flags))
}

// EpollCtl implements [posix.Polling].
func (k *Kernel) EpollCtl(epfd posix.FD, op int, fd posix.FD, event *posix.EpollEvent) error {
	if event == nil {
		return unix.EpollCtl(int(epfd), op, int(fd), nil)
	}
	raw := rawEvent(*event)
	return unix.EpollCtl(int(epfd), op, int(fd), &raw)
}

// The 64 bits of data that the kernel keeps for us are the fields Fd and Pad of unix.EpollEvent, whose layout differs
// between architectures.

func rawEvent(e posix.EpollEvent) unix.EpollEvent {
	return unix.EpollEvent{Events: e.Events, Fd: int32(uint32(e.Data)), Pad: int32(uint32(e.Data >> 32))}
}

func eventOf(raw unix.EpollEvent) posix.EpollEvent {
	return posix.EpollEvent{Events: raw.Events, Data: uint64(uint32(raw.Pad))<<32 | uint64(uint32(raw.Fd))}
}

// Eventfd2 implements [posix.Polling].
func (k *Kernel) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	return descriptor(unix.Eventfd(uint(initial), flags))
}

// TimerfdCreate implements [posix.Polling].
func (k *Kernel) TimerfdCreate(clock int, flags int) (posix.FD, error) {
	return descriptor(unix.TimerfdCreate(clock, flags))
}

// TimerfdSettime implements [posix.Polling].
func (k *Kernel) TimerfdSettime(fd posix.FD, flags int, value posix.Itimerspec) error {
	raw := unix.ItimerSpec{Interval: rawTime(value.Interval), Value: rawTime(value.Value)}
	return unix.TimerfdSettime(int(fd), flags, &raw, nil)
}

func rawTime(t posix.Timespec) unix.Timespec { return unix.Timespec{Sec: t.Sec, Nsec: t.Nsec} }

// TimerfdGettime implements [posix.Polling].
func (k *Kernel) TimerfdGettime(fd posix.FD, value *posix.Itimerspec) error {
	var raw unix.ItimerSpec
	if err := unix.TimerfdGettime(int(fd), &raw); err != nil {
		return err
	}
	*value = posix.Itimerspec{Interval: timeOf(raw.Interval), Value: timeOf(raw.Value)}
	return nil
}

func timeOf(t unix.Timespec) posix.Timespec { return posix.Timespec{Sec: t.Sec, Nsec: t.Nsec} }
