package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Prctl implements [posix.Hardening]. Operations that take a pointer are EFAULT: the caller has no memory here.
func (p *Process) Prctl(args posix.PrctlArgs) (int, error) {
	c, errno := p.enter(posix.OpPrctl, uint64(uint32(args.Op)), args.Arg2, args.Arg3, args.Arg4, args.Arg5)
	n := 0
	if errno == 0 {
		n, errno = p.prctl(&args)
	}
	return n, c.leave(errno)
}

// prctl keeps to kernel/sys.c and security/commoncap.c, cap_task_prctl, which is asked first.
func (p *Process) prctl(a *posix.PrctlArgs) (int, posix.Errno) {
	rest := a.Arg3 | a.Arg4 | a.Arg5
	switch a.Op {
	case unix.PR_CAPBSET_READ, unix.PR_CAPBSET_DROP, unix.PR_SET_SECUREBITS, unix.PR_GET_SECUREBITS,
		unix.PR_GET_KEEPCAPS, unix.PR_SET_KEEPCAPS, unix.PR_CAP_AMBIENT:
		return p.prctlCapabilities(a)
	case unix.PR_SET_PDEATHSIG:
		if a.Arg2 > 64 {
			return 0, einval
		}
		p.attrs.deathSignal = posix.Signal(a.Arg2)
	case unix.PR_GET_DUMPABLE:
		return p.attrs.dumpable, 0
	case unix.PR_SET_DUMPABLE:
		if a.Arg2 > 1 {
			return 0, einval
		}
		p.attrs.dumpable = int(a.Arg2)
	case unix.PR_GET_SECCOMP:
		if p.box.filters != nil {
			return 2, 0 // SECCOMP_MODE_FILTER
		}
	case unix.PR_SET_NO_NEW_PRIVS:
		if a.Arg2 != 1 || rest != 0 {
			return 0, einval
		}
		p.box.noNewPrivs = true
	case unix.PR_GET_NO_NEW_PRIVS:
		if a.Arg2|rest != 0 {
			return 0, einval
		}
		if p.box.noNewPrivs {
			return 1, 0
		}
	case unix.PR_SET_CHILD_SUBREAPER:
		if p.attrs.subreaper = a.Arg2 != 0; p.attrs.subreaper {
			p.underReaper()
		}
	case unix.PR_GET_TIMERSLACK:
		return int(p.attrs.slack), 0
	case unix.PR_SET_TIMERSLACK: // only remembered: the clock is exact
		if p.attrs.slack = a.Arg2; int64(a.Arg2) <= 0 {
			p.attrs.slack = defaultSlack
		}
	case unix.PR_GET_PDEATHSIG, unix.PR_GET_CHILD_SUBREAPER, unix.PR_SET_NAME, unix.PR_GET_NAME:
		return 0, efault
	case unix.PR_SET_SECCOMP:
		if a.Arg2 == 2 {
			return 0, efault
		}
		return 0, einval
	default:
		return 0, einval
	}
	return 0, 0
}

// The securebits. Source: include/uapi/linux/securebits.h.
const (
	secureNoRoot       = 1 << 0
	secureNoFixup      = 1 << 2
	secureKeepCaps     = 1 << 4
	secureNoRaise      = 1 << 6
	secureUnprivileged = 1<<8 | 1<<10 // EXEC_RESTRICT_FILE, EXEC_DENY_INTERACTIVE
	secureBits         = secureNoRoot | secureNoFixup | secureKeepCaps | secureNoRaise | secureUnprivileged
	secureLocks        = secureBits << 1
)

func (p *Process) prctlCapabilities(a *posix.PrctlArgs) (int, posix.Errno) {
	bits := &p.attrs.securebits
	switch a.Op {
	case unix.PR_CAPBSET_READ:
		if a.Arg2 > lastCapability {
			return 0, einval
		}
		return int(p.cred.bounding >> a.Arg2 & 1), 0
	case unix.PR_CAPBSET_DROP:
		if !p.capableIn(p.cred.user, unix.CAP_SETPCAP) {
			return 0, eperm
		}
		if a.Arg2 > lastCapability {
			return 0, einval
		}
		p.cred.bounding &^= 1 << a.Arg2
		p.takeCredentials(p.cred)
	case unix.PR_GET_SECUREBITS:
		return int(*bits), 0
	case unix.PR_SET_SECUREBITS:
		return 0, p.setSecurebits(a.Arg2)
	case unix.PR_GET_KEEPCAPS:
		return int(*bits / secureKeepCaps & 1), 0
	case unix.PR_SET_KEEPCAPS:
		switch {
		case a.Arg2 > 1:
			return 0, einval
		case *bits&(secureKeepCaps<<1) != 0:
			return 0, eperm
		}
		*bits = *bits&^secureKeepCaps | uint32(a.Arg2)*secureKeepCaps
		p.takeCredentials(p.cred)
	case unix.PR_CAP_AMBIENT:
		return p.prctlAmbient(a)
	}
	return 0, 0
}

func (p *Process) setSecurebits(want uint64) posix.Errno {
	old := uint64(p.attrs.securebits)
	changed := old ^ want
	switch {
	case old&secureLocks>>1&changed != 0, old&secureLocks&^want != 0, want&^(secureLocks|secureBits) != 0,
		changed&^(secureUnprivileged|secureUnprivileged<<1) != 0 && !p.capableIn(p.cred.user, unix.CAP_SETPCAP),
		changed == 0 && !p.capableIn(p.cred.user, unix.CAP_SETPCAP):
		return eperm
	}
	p.attrs.securebits = uint32(want)
	p.takeCredentials(p.cred)
	return 0
}

func (p *Process) prctlAmbient(a *posix.PrctlArgs) (int, posix.Errno) {
	if a.Arg2 == unix.PR_CAP_AMBIENT_CLEAR_ALL {
		if a.Arg3|a.Arg4|a.Arg5 != 0 {
			return 0, einval
		}
		p.cred.ambient = 0
		p.takeCredentials(p.cred)
		return 0, 0
	}
	if a.Arg3 > lastCapability || a.Arg4|a.Arg5 != 0 {
		return 0, einval
	}
	bit := uint64(1) << a.Arg3
	switch a.Arg2 {
	case unix.PR_CAP_AMBIENT_IS_SET:
		return int(p.cred.ambient >> a.Arg3 & 1), 0
	case unix.PR_CAP_AMBIENT_RAISE:
		if p.cred.caps.Permitted&p.cred.caps.Inheritable&bit == 0 || p.attrs.securebits&secureNoRaise != 0 {
			return 0, eperm
		}
		p.cred.ambient |= bit
	case unix.PR_CAP_AMBIENT_LOWER:
		p.cred.ambient &^= bit
	default:
		return 0, einval
	}
	p.takeCredentials(p.cred)
	return 0, 0
}
