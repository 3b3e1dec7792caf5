package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Sizes of control messages. Source: cmsg(3), on 64 bits.
const (
	cmsgHeader     = 16
	cmsgCreds      = 12
	maxDescriptors = 253 // SCM_MAX_FD
)

func cmsgAlign(n int) int { return (n + 7) &^ 7 }

// cmsg is one control message.
type cmsg struct {
	level, typ int32
	data       []byte
}

// nextControl takes the first message off b. EINVAL: its length is nonsense. Source: for_each_cmsghdr, CMSG_OK.
func nextControl(b []byte) (c cmsg, rest []byte, errno posix.Errno) {
	size := binary.NativeEndian.Uint64(b)
	if size < cmsgHeader || size > uint64(len(b)) {
		return c, nil, einval
	}
	c.level = int32(binary.NativeEndian.Uint32(b[8:]))
	c.typ = int32(binary.NativeEndian.Uint32(b[12:]))
	c.data = b[cmsgHeader:size]
	if next := cmsgAlign(int(size)); next < len(b) {
		rest = b[next:]
	}
	return c, rest, 0
}

// parseUnixControl reads the control messages of what is sent. It holds the descriptors that it returns in m. Source: __scm_send.
func (p *Process) parseUnixControl(m *outgoing) posix.Errno {
	for b := m.control; len(b) >= cmsgHeader; {
		c, rest, errno := nextControl(b)
		if errno == 0 && c.level == unix.SOL_SOCKET {
			switch c.typ {
			case unix.SCM_RIGHTS:
				errno = p.parseRights(m, c.data)
			case unix.SCM_CREDENTIALS:
				errno = p.parseCredentials(m, c.data)
			default:
				errno = einval
			}
		}
		if errno != 0 {
			m.dropFiles()
			return errno
		}
		b = rest
	}
	return 0
}

func (p *Process) parseRights(m *outgoing, data []byte) posix.Errno {
	n := len(data) / 4
	if n > maxDescriptors || len(m.files)+n > maxDescriptors {
		return einval
	}
	for i := range n {
		f := p.fds.get(posix.FD(int32(binary.NativeEndian.Uint32(data[4*i:]))))
		if f == nil {
			return ebadf
		}
		m.files = append(m.files, f.hold())
	}
	return 0
}

func (p *Process) parseCredentials(m *outgoing, data []byte) posix.Errno {
	if len(data) != cmsgCreds {
		return einval
	}
	pid := posix.PID(int32(binary.NativeEndian.Uint32(data)))
	uid := posix.UID(binary.NativeEndian.Uint32(data[4:]))
	gid := posix.GID(binary.NativeEndian.Uint32(data[8:]))
	if uid == ^posix.UID(0) || gid == ^posix.GID(0) {
		return einval
	}
	u, g := p.cred.uids, p.cred.gids
	switch {
	case pid != p.pid && !p.cred.has(capSysAdmin),
		uid != u.Real && uid != u.Effective && uid != u.Saved && !p.cred.has(unix.CAP_SETUID),
		gid != g.Real && gid != g.Effective && gid != g.Saved && !p.cred.has(unix.CAP_SETGID):
		return eperm
	}
	if pid != p.pid && p.k.procs.byPID[pid] == nil {
		return esrch
	}
	m.cred, m.named = posix.Ucred{PID: pid, UID: uid, GID: gid}, true
	return 0
}

// controlWriter puts control messages where they were asked for.
type controlWriter struct {
	p     *Process
	buf   []byte
	used  int
	flags int
}

func (w *controlWriter) write(m *incoming) {
	if w.buf = w.buf[:len(w.buf):len(w.buf)]; len(w.buf) == 0 {
		if m.named || len(m.files) > 0 {
			w.flags |= unix.MSG_CTRUNC
		}
		return
	}
	if m.named {
		var b [cmsgCreds]byte
		binary.NativeEndian.PutUint32(b[0:], uint32(m.cred.PID))
		binary.NativeEndian.PutUint32(b[4:], uint32(m.cred.UID))
		binary.NativeEndian.PutUint32(b[8:], uint32(m.cred.GID))
		w.put(unix.SCM_CREDENTIALS, b[:])
	}
	if len(m.files) > 0 {
		w.putFiles(m)
	}
}

func (w *controlWriter) left() int { return len(w.buf) - w.used }

func (w *controlWriter) header(size int, typ int32) []byte {
	b := w.buf[w.used:]
	binary.NativeEndian.PutUint64(b, uint64(size))
	binary.NativeEndian.PutUint32(b[8:], unix.SOL_SOCKET)
	binary.NativeEndian.PutUint32(b[12:], uint32(typ))
	return b[cmsgHeader:]
}

// put is put_cmsg: what does not fit is cut off.
func (w *controlWriter) put(typ int32, data []byte) {
	if w.left() < cmsgHeader {
		w.flags |= unix.MSG_CTRUNC
		return
	}
	size := cmsgHeader + len(data)
	if w.left() < size {
		w.flags |= unix.MSG_CTRUNC
		size = w.left()
	}
	copy(w.header(size, typ), data[:size-cmsgHeader])
	w.used += min(cmsgAlign(cmsgHeader+len(data)), w.left())
}

// putFiles installs as many descriptors as there is room for, in the message and in the table. Source: scm_detach_fds.
func (w *controlWriter) putFiles(m *incoming) {
	most := max(0, (w.left()-cmsgHeader)/4)
	n := 0
	if w.left() >= cmsgHeader {
		room := w.buf[w.used+cmsgHeader:]
		for n < len(m.files) && n < most {
			fd, errno := w.p.install(m.files[n], 0, m.flags&unix.MSG_CMSG_CLOEXEC != 0)
			if errno != 0 {
				break
			}
			binary.NativeEndian.PutUint32(room[4*n:], uint32(fd))
			n++
		}
	}
	if n > 0 {
		w.header(cmsgHeader+4*n, unix.SCM_RIGHTS)
		w.used += min(cmsgAlign(cmsgHeader+4*n), w.left())
	}
	if n < len(m.files) {
		w.flags |= unix.MSG_CTRUNC
	}
}
