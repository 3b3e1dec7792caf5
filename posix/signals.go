package posix

import "encoding/binary"

// Sigset is a set of signals: bit n-1 is signal n. SIGKILL and SIGSTOP in it are ignored by the kernel. Source: sigsetops(3).
type Sigset uint64

// Sigbit returns the set with just sig. A signal outside of 1 to 64 is an empty set.
func Sigbit(sig Signal) Sigset {
	if sig < 1 || sig > 64 {
		return 0
	}
	return 1 << (sig - 1)
}

// Signals sends and receives signals. To send one, prefer [Processes.PidfdSendSignal], which cannot hit another process.
type Signals interface {
	// Kill sends sig to a process, or to a process group when pid is negative. Signal 0 only checks.
	// Errors: EINVAL, EPERM, ESRCH. Source: kill(2).
	//posix:calls kill
	//posix:retry never the signal may have been sent, and two are not one
	Kill(pid PID, sig Signal) error

	// RtSigprocmask changes which signals the calling thread does not take (how: SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK), unless set is nil,
	// and fills old, unless nil. The calling goroutine must be locked to its thread. A signal to the process goes to any thread that takes
	// it: one that Signalfd4 is to receive must be blocked in all, and a Go process makes threads when it likes, with the mask of the one
	// that makes them. Errors: EINVAL.
	// Source: rt_sigprocmask(2).
	//posix:calls rt_sigprocmask
	//posix:retry never the kernel does not answer EINTR
	//posix:reads set
	//posix:fills old
	RtSigprocmask(how int, set, old *Sigset) error

	// Signalfd4 makes a descriptor (fd -1), or changes the one given, that is readable when a signal of mask is pending for the reader, and
	// returns it; the caller owns it. A read takes pending signals, 128 bytes each (struct signalfd_siginfo, [ParseSignal]).
	// flags: SFD_CLOEXEC, SFD_NONBLOCK.
	// Errors: EBADF, EINVAL (not a signalfd, or unknown flags), EMFILE, ENFILE, ENOMEM. Source: signalfd(2).
	//posix:calls signalfd4
	//posix:retry retry nothing was made
	Signalfd4(fd FD, mask Sigset, flags int) (FD, error)
}

// SignalInfoSize is how many bytes a read from a descriptor of [Signals.Signalfd4] gives for each signal.
const SignalInfoSize = 128

// SignalInfo is a signal that was received. Source: signalfd(2), struct signalfd_siginfo.
type SignalInfo struct {
	Signal Signal
	Code   int // SI_USER, SI_TKILL, CLD_EXITED …
	PID    PID // who sent it; the child, with SIGCHLD
	UID    UID // its real user
	Status int // SIGCHLD: exit status, or signal number
}

// ParseSignal takes the first signal off what was read from a descriptor of [Signals.Signalfd4]. False: there is no whole one.
func ParseSignal(b []byte) (info SignalInfo, rest []byte, ok bool) {
	if len(b) < SignalInfoSize {
		return info, b, false
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	return SignalInfo{
		Signal: Signal(word(0)),
		Code:   int(int32(word(8))),
		PID:    PID(word(12)),
		UID:    UID(word(16)),
		Status: int(int32(word(40))),
	}, b[SignalInfoSize:], true
}
