package differential

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func processGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpClone3] = func(g *generator) {
		index, helper := g.children, pick(g, waiting, waiting, exiting)
		g.children++
		o := g.do(step{posix.OpClone3, fmt.Sprintf("clone3 %v as child %d", helper, index), func(s *side) outcome {
			child, err := s.core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: childProgram(helper)})
			if err != nil {
				return answer(err)
			}
			s.pids[index], s.pidfds[index] = child.PID, child.Pidfd
			switch {
			case helper == exiting || child.Failed != nil:
				s.settle(index)
			case s.ready != 0:
				// An exec lets the parent of a vfork go on before the child has its new credentials.
				_, _ = s.core.Ppoll([]posix.PollFD{{FD: s.ready, Events: unix.POLLIN}}, &posix.Timespec{Sec: 10})
				_, _ = s.core.Read(s.ready, make([]byte, 8))
			}
			o := made(nil, child.Pidfd)
			o.Text += fmt.Sprint(" ", s.pid(child.PID), child.Failed)
			return o
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: pidfd, index: index})
		}
	}
	t[posix.OpWaitid] = func(g *generator) {
		h, options := g.handle(pidfd), unix.WNOHANG|pick(g, unix.WEXITED, unix.WEXITED, unix.WEXITED|unix.WNOWAIT, 0)
		which := pick(g, posix.PPidfd, posix.PPid, posix.PAll, posix.IDType(9))
		g.do(step{posix.OpWaitid, fmt.Sprintf("waitid %d of %d %#x", which, h.fd, options), func(s *side) outcome {
			id := int(h.fd)
			if which == posix.PPid {
				id = int(process{child: h.index}.on(s))
			}
			var info posix.WaitInfo
			err := s.core.Waitid(which, id, &info, options)
			if err == nil && info.PID != 0 && options&unix.WNOWAIT == 0 {
				s.reaped(info.PID)
			}
			return answer(err, s.pid(info.PID), info.UID, info.Code, info.Status)
		}})
	}
	t[posix.OpPidfdOpen] = func(g *generator) {
		who, flags := g.who(), pick(g, 0, 0, 0, unix.PIDFD_NONBLOCK, 1<<5)
		o := g.do(step{posix.OpPidfdOpen, fmt.Sprintf("pidfd_open %v %#x", who, flags), func(s *side) outcome {
			fd, err := s.core.PidfdOpen(who.on(s), flags)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: opath})
		}
	}
	t[posix.OpPidfdSendSignal] = func(g *generator) {
		h, sig := g.handle(pidfd), pick[posix.Signal](g, 0, unix.SIGTERM, unix.SIGKILL, unix.SIGCONT, 65)
		g.do(step{posix.OpPidfdSendSignal, fmt.Sprintf("pidfd_send_signal %d %d", h.fd, int(sig)), func(s *side) outcome {
			err := s.core.PidfdSendSignal(h.fd, sig)
			if err == nil && (sig == unix.SIGTERM || sig == unix.SIGKILL) && h.kind == pidfd {
				s.settle(h.index)
			}
			return answer(err)
		}})
	}
	t[posix.OpKill] = func(g *generator) {
		who, sig := g.who(), pick[posix.Signal](g, 0, 0, unix.SIGCONT, 65, -1)
		if who.child >= 0 && g.chance(50) {
			sig = unix.SIGTERM
		}
		g.do(step{posix.OpKill, fmt.Sprintf("kill %v %d", who, int(sig)), func(s *side) outcome {
			err := s.core.Kill(who.on(s), sig)
			if err == nil && sig == unix.SIGTERM {
				s.settle(who.child)
			}
			return answer(err)
		}})
	}
	t[posix.OpExecve] = func(g *generator) {
		// One that succeeds would be the end of the comparison.
		path := pick(g, "/x/y/a", "/no/such", "/x/y", "", "/x/y/d", "/x/y/s", long(5000))
		g.do(step{posix.OpExecve, "execve " + show(path), func(s *side) outcome { return answer(s.core.Execve(path, []string{"x"}, nil)) }})
	}
	t[posix.OpGetpid] = func(g *generator) {
		g.do(step{posix.OpGetpid, "getpid", func(s *side) outcome { return answer(nil, s.pid(s.core.Getpid())) }})
	}
	t[posix.OpGetppid] = func(g *generator) {
		g.do(step{posix.OpGetppid, "getppid", func(s *side) outcome { return answer(nil, s.core.Getppid() > 0) }})
	}
	byPID := func(op posix.Op, name string, f func(core posix.Core, pid posix.PID) (posix.PID, error)) {
		t[op] = func(g *generator) {
			who := g.who()
			g.do(step{op, fmt.Sprintf("%s %v", name, who), func(s *side) outcome {
				n, err := f(s.core, who.on(s))
				return answer(err, s.pid(n))
			}})
		}
	}
	byPID(posix.OpGetpgid, "getpgid", posix.Core.Getpgid)
	byPID(posix.OpGetsid, "getsid", posix.Core.Getsid)
	t[posix.OpSetpgid] = func(g *generator) {
		who, group := pick(g, process{child: -1}, process{child: -1}, g.who()), pick(g, process{child: -1}, process{child: -1}, g.who())
		g.do(step{posix.OpSetpgid, fmt.Sprintf("setpgid %v %v", who, group), func(s *side) outcome {
			return answer(s.core.Setpgid(who.on(s), group.on(s)))
		}})
	}
	t[posix.OpSetsid] = func(g *generator) {
		g.do(step{posix.OpSetsid, "setsid", func(s *side) outcome {
			sid, err := s.core.Setsid()
			return answer(err, s.pid(sid))
		}})
	}
}

// process is one whose number is not the same on both sides: a child, or else a number itself.
type process struct {
	child  int // -1: number
	number posix.PID
}

func (p process) on(s *side) posix.PID {
	if p.child >= 0 {
		if pid, ok := s.pids[p.child]; ok {
			return pid
		}
		return nobody
	}
	return p.number
}

// nobody is a number that no process has.
const nobody posix.PID = 1 << 30

func (p process) String() string {
	if p.child >= 0 {
		return fmt.Sprintf("child %d", p.child)
	}
	return fmt.Sprint(int(p.number))
}

// who returns a process to do something about: the caller, a child, or none. Numbers below 0 are groups: never given.
func (g *generator) who() process {
	if g.chance(40) {
		return process{child: -1, number: pick[posix.PID](g, 0, 0, 0, 1<<30, 1<<22+5)}
	}
	return process{child: g.handle(pidfd).index}
}

// reaped forgets a child, whose number may soon be somebody else's.
func (s *side) reaped(pid posix.PID) {
	for index, p := range s.pids {
		if p == pid {
			delete(s.pids, index)
		}
	}
}

// settle waits until a child has ended, which on Linux takes a moment after a signal.
func (s *side) settle(index int) {
	if fd, ok := s.pidfds[index]; ok {
		_, _ = s.core.Ppoll([]posix.PollFD{{FD: fd, Events: unix.POLLIN}}, &posix.Timespec{Sec: 10})
	}
}

func signalGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpRtSigprocmask] = func(g *generator) {
		how, sig := pick(g, unix.SIG_BLOCK, unix.SIG_UNBLOCK, 7), pick(g, unix.SIGUSR1, unix.SIGWINCH, unix.SIGKILL)
		none := g.chance(10)
		g.do(step{posix.OpRtSigprocmask, fmt.Sprintf("rt_sigprocmask %d %d %v", how, sig, none), func(s *side) outcome {
			set, old := posix.Sigbit(sig), posix.Sigset(0)
			var err error
			if none {
				err = s.core.RtSigprocmask(how, nil, &old)
			} else {
				err = s.core.RtSigprocmask(how, &set, &old)
			}
			return answer(err, old&(posix.Sigbit(unix.SIGUSR1)|posix.Sigbit(unix.SIGWINCH)|posix.Sigbit(unix.SIGKILL)))
		}})
	}
	t[posix.OpSignalfd4] = func(g *generator) {
		fd, mask := posix.FD(-1), posix.Sigbit(pick(g, unix.SIGUSR1, unix.SIGWINCH, unix.SIGKILL))
		if g.chance(20) {
			fd = g.fd(signal | event)
		}
		flags := unix.SFD_NONBLOCK | g.flags(unix.SFD_CLOEXEC)
		if g.chance(3) {
			flags |= 1
		}
		o := g.do(step{posix.OpSignalfd4, fmt.Sprintf("signalfd4 %d %#x %#x", fd, uint64(mask), flags), func(s *side) outcome {
			n, err := s.core.Signalfd4(fd, mask, flags)
			return made(err, n)
		}})
		if o.Errno == 0 && fd == -1 {
			g.opened(o, handle{fd: o.fds[0], kind: signal})
		}
	}
}

// childProgram is a launch program that executes a helper.
func childProgram(h helper) *posix.Program {
	// An empty signal set, an empty string, and an empty array of strings.
	memory := make([]byte, 24)
	empty := func(at uint64) posix.Arg { return posix.Arg{Kind: posix.Address, Value: at} }
	return &posix.Program{
		Steps: []posix.Step{
			{Number: unix.SYS_RT_SIGPROCMASK, Args: [6]posix.Arg{{Value: unix.SIG_SETMASK}, empty(0), {}, {Value: 8}}},
			// A program may end as somebody who cannot kill its children any more.
			{Number: unix.SYS_PRCTL, Args: [6]posix.Arg{{Value: unix.PR_SET_PDEATHSIG}, {Value: uint64(unix.SIGKILL)}}},
			{Number: unix.SYS_EXECVEAT, Args: [6]posix.Arg{{Value: uint64(h.fd())}, empty(8), empty(16), empty(16), {Value: unix.AT_EMPTY_PATH}}},
		},
		Memory: memory,
	}
}
