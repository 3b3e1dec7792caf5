package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// filterLink is a filter and those that were there before it. It never changes.
type filterLink struct {
	program  bpf.Program
	listener *listener // who is notified, nil for nobody
	log      bool      // SECCOMP_FILTER_FLAG_LOG
	older    *filterLink
	// total is the instructions of this filter and the older ones, four more for each. Source: kernel/seccomp.c, seccomp_attach_filter.
	total int
}

// maxFilters bounds filterLink.total. Source: kernel/seccomp.c, MAX_INSNS_PER_PATH.
const maxFilters = (1 << 18) / 8

// answered is the errno of a call that a filter answers with success without its being made (SECCOMP_RET_ERRNO with the value 0).
const answered posix.Errno = 1 << 16

// refused is what a call that cannot fail returns when a filter answers it: the kernel's answer as a number.
func (call) refused(errno posix.Errno) int {
	if errno == answered {
		return 0
	}
	return -int(errno)
}

// askFilters asks all filters about a call of this number: the strictest answer wins, of equal ones the newest filter's. It does not return when the
// process is to end. Source: kernel/seccomp.c, seccomp_run_filters.
func (p *Process) askFilters(number uint32, args []uint64) posix.Errno {
	d := bpf.Data{Nr: number, Arch: auditArch}
	copy(d.Args[:], args)
	answer, by := bpf.RetAllow, p.box.filters
	for f := by; f != nil; f = f.older {
		if a := f.program.Run(d); int32(a&0xffff0000) < int32(answer&0xffff0000) {
			answer, by = a, f
		}
	}
	switch bpf.Action(answer) {
	case bpf.RetAllow, bpf.RetLog:
		return 0
	case bpf.RetErrno:
		if v := min(bpf.Value(answer), bpf.MaxErrno); v != 0 {
			return posix.Errno(v)
		}
		return answered
	case bpf.RetTrace: // nobody traces
		return enosys
	case bpf.RetUserNotif:
		return p.notify(by)
	default:
		// A trap is the same: SIGSYS is forced, and there are no handlers here.
		p.endBySignal(unix.SIGSYS)
		return 0
	}
}

// SeccompActionAvail implements [posix.Hardening].
func (p *Process) SeccompActionAvail(action uint32) error {
	c, errno := p.enter(posix.OpSeccompActionAvail, unix.SECCOMP_GET_ACTION_AVAIL, 0, somewhere)
	if errno == 0 {
		errno = actionAvail(action)
	}
	return c.leave(errno)
}

func actionAvail(action uint32) posix.Errno {
	switch action {
	case bpf.RetKillProcess, bpf.RetKillThread, bpf.RetTrap, bpf.RetErrno, bpf.RetUserNotif, bpf.RetTrace, bpf.RetLog, bpf.RetAllow:
		return 0
	}
	return eopnotsupp
}

// SeccompSetModeFilter implements [posix.Hardening].
func (p *Process) SeccompSetModeFilter(flags uint32, filter []posix.SockFilter) (int, error) {
	var result int
	c, errno := p.enter(posix.OpSeccompSetModeFilter, unix.SECCOMP_SET_MODE_FILTER, uint64(flags), somewhere)
	if errno == 0 {
		result, errno = p.setFilter(flags, len(filter), func() (bpf.Program, posix.Errno) {
			program := make(bpf.Program, len(filter))
			for i, in := range filter {
				program[i] = bpf.Instruction{Code: in.Code, JT: in.Jt, JF: in.Jf, K: in.K}
			}
			return program, 0
		})
	}
	return result, c.leave(errno)
}

const filterFlags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW |
	unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

// setFilter adds a filter, which fetch copies from the caller. Source: kernel/seccomp.c, seccomp_set_mode_filter.
func (p *Process) setFilter(flags uint32, length int, fetch func() (bpf.Program, posix.Errno)) (int, posix.Errno) {
	const listen = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	switch {
	case flags&^filterFlags != 0,
		flags&unix.SECCOMP_FILTER_FLAG_TSYNC != 0 && flags&listen != 0 && flags&unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH == 0,
		flags&unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV != 0 && flags&listen == 0,
		length < 1 || length > bpf.MaxInstructions:
		return 0, einval
	case !p.box.noNewPrivs && !p.capableIn(p.cred.user, capSysAdmin):
		return 0, eacces
	}
	program, errno := fetch()
	if errno != 0 {
		return 0, errno
	}
	if program.Check() != nil {
		return 0, einval
	}
	link := &filterLink{program: program, log: flags&unix.SECCOMP_FILTER_FLAG_LOG != 0, older: p.box.filters, total: len(program)}
	if link.older != nil {
		link.total += link.older.total + 4
	}
	if flags&listen != 0 {
		return p.setListener(link)
	}
	if link.total > maxFilters {
		return 0, enomem
	}
	p.box.filters = link
	return 0, 0
}
