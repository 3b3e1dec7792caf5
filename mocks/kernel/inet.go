package kernel

import "github.com/bulkhead/bulkhead/posix"

func (p *Process) newInet(family, typ, protocol int) (socket, posix.Errno) {
	return nil, eafnosupport
}
