package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// landlockAddress says whether the domain allows a TCP socket to be bound or connected (right: LANDLOCK_ACCESS_NET_…) to an address: EACCES, or
// EINVAL for an address of another
// family, which is checked here first. Source: current_check_access_socket in security/landlock/net.c.
func (p *Process) landlockAddress(s socket, a posix.Sockaddr, right uint64) posix.Errno {
	t, ok := s.(*tcpSocket)
	if p.box.domain == nil || !ok || a.Family == unix.AF_UNSPEC || !p.box.domain.handlesNet(right) {
		return 0
	}
	if int(a.Family) != t.family {
		return einval
	}
	return p.landlockPort(a.Addr.Port(), right)
}

// handlesNet tells whether some layer handles a right about TCP.
func (d *landlockDomain) handlesNet(right uint64) bool {
	for ; d != nil; d = d.older {
		if d.net&right != 0 {
			return true
		}
	}
	return false
}
