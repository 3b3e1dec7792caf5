package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// SeccompGetFilter implements [posix.Hardening]. The process is not stopped here: nothing runs between two calls that could tell.
// Sources: kernel/ptrace.c, ptrace_attach(); kernel/seccomp.c, get_nth_filter().
func (p *Process) SeccompGetFilter(pid posix.PID, index int, filter []posix.SockFilter) (int, error) {
	c, errno := p.enter(posix.OpSeccompGetFilter, unix.PTRACE_SECCOMP_GET_FILTER, uint64(pid), uint64(index), somewhere)
	n := 0
	if errno == 0 {
		n, errno = p.getFilter(pid, index, filter)
	}
	return n, c.leave(errno)
}

func (p *Process) getFilter(pid posix.PID, index int, filter []posix.SockFilter) (int, posix.Errno) {
	if index < 0 {
		return 0, enoent
	}
	q := p.findPID(pid)
	switch {
	case q == nil:
		return 0, esrch
	case q == p || !p.mayTrace(q, p.cred.uids.Real, p.cred.gids.Real, p.cred.caps.Permitted), q.state == ended:
		return 0, eperm
	case !p.cred.has(capSysAdmin), p.box.filters != nil:
		return 0, eacces
	case q.box.filters == nil:
		return 0, einval
	}
	var chain []*filterLink
	for f := q.box.filters; f != nil; f = f.older {
		chain = append(chain, f)
	}
	if index >= len(chain) {
		return 0, enoent
	}
	program := chain[len(chain)-1-index].program
	if len(program) <= len(filter) {
		for i, in := range program {
			filter[i] = posix.SockFilter{Code: in.Code, Jt: in.JT, Jf: in.JF, K: in.K}
		}
	}
	return len(program), 0
}
