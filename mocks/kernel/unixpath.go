package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// unixNode is the body of a unix socket's name in the file tree.
type unixNode struct {
	socket *unixSocket // nil: nobody is bound to it any more
}

func (*unixNode) open(*Process, *inode, *file) (object, posix.Errno) { return nil, enxio }
func (*unixNode) size() int64                                        { return 0 }

// bindPath makes the name first and asks then whether the socket has one already: the order of unix_bind_bsd.
func (s *unixSocket) bindPath(p *Process, path string) posix.Errno {
	body := &unixNode{}
	n, errno := p.mknod(posix.AtFDCWD, path, unix.S_IFSOCK|0o777, body)
	switch {
	case errno == eexist:
		return eaddrinuse
	case errno != 0:
		return errno
	case s.bound != nil:
		_ = p.unlinkat(posix.AtFDCWD, path, 0)
		return einval
	}
	body.socket = s
	s.bound = &unixName{path: path, node: n}
	return 0
}

// socketOfPath is unix_find_bsd.
func (p *Process) socketOfPath(path string) (*unixSocket, posix.Errno) {
	at, errno := p.lookup(posix.AtFDCWD, path, follow)
	if errno != 0 {
		return nil, errno
	}
	n := at.entry.inode
	if errno := p.permission(n, mayWrite); errno != 0 {
		return nil, errno
	}
	body, ok := n.body.(*unixNode)
	if !ok || body.socket == nil {
		return nil, econnrefused
	}
	return body.socket, 0
}

// unbind gives a socket's name back; one in the file tree stays.
func (s *unixSocket) unbind() {
	if s.bound == nil {
		return
	}
	if s.bound.node != nil {
		if body := s.bound.node.body.(*unixNode); body.socket == s {
			body.socket = nil
		}
		return
	}
	if key := (unixKey{s.bound.net, s.typ, s.bound.path}); s.k.io.abstract[key] == s {
		delete(s.k.io.abstract, key)
	}
}
