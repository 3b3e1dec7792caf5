package differential

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func pollingGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpEpollCreate1] = func(g *generator) {
		flags := pick(g, 0, unix.EPOLL_CLOEXEC, unix.EPOLL_CLOEXEC, 1)
		o := g.do(step{posix.OpEpollCreate1, fmt.Sprintf("epoll_create1 %#x", flags), func(s *side) outcome {
			fd, err := s.core.EpollCreate1(flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: epoll})
		}
	}
	t[posix.OpEpollCtl] = func(g *generator) {
		ep, fd, op := g.fd(epoll), g.fd(pollable&^epoll), pick(g, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4)
		if g.chance(10) {
			fd = g.fd(epoll)
		}
		e := posix.EpollEvent{Data: uint64(fd), Events: pick[uint32](g, unix.EPOLLIN, unix.EPOLLOUT, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP, 0)}
		e.Events |= uint32(pick(g, 0, 0, unix.EPOLLET, unix.EPOLLONESHOT))
		g.do(step{posix.OpEpollCtl, fmt.Sprintf("epoll_ctl %d %d %d %#x", ep, op, fd, e.Events), func(s *side) outcome {
			return answer(s.core.EpollCtl(ep, op, fd, &e))
		}})
	}
	t[posix.OpEpollWait] = func(g *generator) {
		if g.chance(60) {
			g.generate(posix.OpEpollCtl)
		}
		ep, room := g.fd(epoll), pick(g, 64, 64, 64, 0)
		g.do(step{posix.OpEpollWait, fmt.Sprintf("epoll_wait %d %d", ep, room), func(s *side) outcome {
			events := make([]posix.EpollEvent, room)
			n, err := s.core.EpollWait(ep, events, 0)
			var list []string
			for _, e := range events[:max(n, 0)] {
				list = append(list, fmt.Sprintf("%d:%#x", int32(e.Data), e.Events))
			}
			slices.Sort(list) // Linux says nothing about the order
			return answer(err, strings.Join(list, " "))
		}})
	}
	t[posix.OpPpoll] = func(g *generator) {
		fds := make([]posix.PollFD, g.rng.IntN(5))
		for i := range fds {
			fds[i] = posix.PollFD{FD: g.fd(any_), Events: int16(pick(g, unix.POLLIN, unix.POLLOUT, unix.POLLIN|unix.POLLOUT|unix.POLLRDHUP, 0))}
		}
		g.do(step{posix.OpPpoll, fmt.Sprintf("ppoll %v", fds), func(s *side) outcome {
			mine := slices.Clone(fds)
			n, err := s.core.Ppoll(mine, &posix.Timespec{})
			return answer(err, n, mine)
		}})
	}
	t[posix.OpEventfd2] = func(g *generator) {
		initial, flags := pick[uint32](g, 0, 1, 5, 1<<31), unix.EFD_NONBLOCK|g.flags(unix.EFD_CLOEXEC, unix.EFD_SEMAPHORE)
		if g.chance(3) {
			flags |= 1 << 4
		}
		o := g.do(step{posix.OpEventfd2, fmt.Sprintf("eventfd2 %d %#x", initial, flags), func(s *side) outcome {
			fd, err := s.core.Eventfd2(initial, flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: event})
		}
	}
	t[posix.OpTimerfdCreate] = func(g *generator) {
		clock, flags := pick(g, unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME, unix.CLOCK_BOOTTIME, 99), unix.TFD_NONBLOCK|g.flags(unix.TFD_CLOEXEC)
		o := g.do(step{posix.OpTimerfdCreate, fmt.Sprintf("timerfd_create %d %#x", clock, flags), func(s *side) outcome {
			fd, err := s.core.TimerfdCreate(clock, flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: timer})
		}
	}
	t[posix.OpTimerfdSettime] = func(g *generator) {
		// Far away, or long ago: what happens in between depends on how fast the two are.
		fd, flags := g.fd(timer), pick(g, 0, 0, unix.TFD_TIMER_ABSTIME, 8)
		v := posix.Itimerspec{Value: pick(g, posix.Timespec{}, posix.Timespec{Sec: 90000}, posix.Timespec{Sec: -1}, posix.Timespec{Nsec: 1e9}),
			Interval: pick(g, posix.Timespec{}, posix.Timespec{Sec: 5000})}
		if flags == unix.TFD_TIMER_ABSTIME {
			v = posix.Itimerspec{Value: posix.Timespec{Nsec: 1}}
		}
		g.do(step{posix.OpTimerfdSettime, fmt.Sprintf("timerfd_settime %d %d %v", fd, flags, v), func(s *side) outcome {
			return answer(s.core.TimerfdSettime(fd, flags, v))
		}})
	}
	t[posix.OpTimerfdGettime] = func(g *generator) {
		fd := g.fd(timer)
		g.do(step{posix.OpTimerfdGettime, fmt.Sprintf("timerfd_gettime %d", fd), func(s *side) outcome {
			var v posix.Itimerspec
			err := s.core.TimerfdGettime(fd, &v)
			return answer(err, v.Interval, v.Value.Sec > 1000, v.Value == posix.Timespec{})
		}})
	}
}

func memoryGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpMemfdCreate] = func(g *generator) {
		name, flags := pick(g, "m", "", long(249), long(250)), pick(g, unix.MFD_CLOEXEC, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING, unix.MFD_ALLOW_SEALING, 1<<12)
		o := g.do(step{posix.OpMemfdCreate, fmt.Sprintf("memfd_create %s %#x", show(name), flags), func(s *side) outcome {
			fd, err := s.core.MemfdCreate(name, flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: memfd})
		}
	}
	t[posix.OpMmap] = func(g *generator) {
		m := posix.Mapping{Length: pick(g, 4096, 100, 8192, 0), Prot: pick(g, 1, 3, 3, 0), Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, FD: -1}
		if g.chance(50) {
			m.FD, m.Flags, m.Offset = g.fd(memfd|file), pick(g, unix.MAP_SHARED, unix.MAP_PRIVATE, 0), pick[int64](g, 0, 0, 4096, 1)
		}
		index := len(g.mappings)
		o := g.do(step{posix.OpMmap, fmt.Sprintf("mmap %+v as mapping %d", m, index), func(s *side) outcome {
			b, err := s.core.Mmap(m)
			if err == nil {
				s.memory[index] = b
			}
			return answer(err, len(b))
		}})
		if o.Errno == 0 {
			g.mappings = append(g.mappings, m.Length)
		} else {
			g.mappings = append(g.mappings, 0)
		}
	}
	t[posix.OpMunmap] = func(g *generator) {
		index := g.mapping()
		g.do(step{posix.OpMunmap, fmt.Sprintf("munmap mapping %d", index), func(s *side) outcome {
			err := s.core.Munmap(s.memory[index])
			delete(s.memory, index)
			return answer(err)
		}})
		if index >= 0 {
			g.mappings[index] = 0
		}
	}
	t[posix.OpMprotect] = func(g *generator) {
		index, prot := g.mapping(), pick(g, 0, 1, 3, 3, 1<<20)
		g.do(step{posix.OpMprotect, fmt.Sprintf("mprotect mapping %d %d", index, prot), func(s *side) outcome {
			return answer(s.core.Mprotect(s.memory[index], prot))
		}})
	}
	t[posix.OpMadvise] = func(g *generator) {
		index, advice := g.mapping(), pick(g, 0, 1, 2, 3, 4, 8, 99)
		g.do(step{posix.OpMadvise, fmt.Sprintf("madvise mapping %d %d", index, advice), func(s *side) outcome {
			b := s.memory[index]
			return answer(s.core.Madvise(addressOf(b), uintptr(len(b)), advice))
		}})
	}
}

// mapping returns the number of a mapping, an old one or one that is made now; sometimes of none.
func (g *generator) mapping() int {
	for attempt := range 4 {
		for i, length := range g.mappings {
			if length > 0 && g.chance(60) {
				return i
			}
		}
		if attempt < 3 {
			g.generate(posix.OpMmap)
		}
	}
	return -1
}
