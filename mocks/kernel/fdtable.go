package kernel

import (
	"math/bits"

	"github.com/bulkhead/bulkhead/posix"
)

// fdTable is a process's table of descriptors.
type fdTable struct {
	slots []slot
	free  int // no slot below it is free
	users int // processes that share it (CLONE_FILES), less one
}

type slot struct {
	file    *file // nil: free
	cloexec bool
}

// get returns what fd stands for, O_PATH descriptors included; nil when it is not open.
func (t *fdTable) get(fd posix.FD) *file {
	if fd < 0 || int(fd) >= len(t.slots) {
		return nil
	}
	return t.slots[fd].file
}

// file returns what fd stands for, or EBADF; with an O_PATH descriptor too, as for nearly all calls.
func (p *Process) file(fd posix.FD) (*file, posix.Errno) {
	f := p.fds.get(fd)
	if f == nil || f.flags&oPath != 0 {
		return nil, ebadf
	}
	return f, 0
}

// anyFile is file for the calls that take O_PATH descriptors.
func (p *Process) anyFile(fd posix.FD) (*file, posix.Errno) {
	if f := p.fds.get(fd); f != nil {
		return f, 0
	}
	return nil, ebadf
}

// install gives f, which it holds, the lowest free number from least on. EMFILE: RLIMIT_NOFILE; f is then released unless somebody else holds it.
func (p *Process) install(f *file, least posix.FD, cloexec bool) (posix.FD, posix.Errno) {
	f.hold()
	at := max(int(least), p.fds.free)
	for at < len(p.fds.slots) && p.fds.slots[at].file != nil {
		at++
	}
	if uint64(at) >= p.limits[rlimitNofile].Soft {
		f.drop()
		return -1, emfile
	}
	p.fds.put(at, slot{f, cloexec})
	if int(least) <= p.fds.free {
		p.fds.free = at + 1
	}
	return posix.FD(at), 0
}

// spare says whether there is a number for another descriptor: EMFILE. Linux asks before it opens anything.
func (p *Process) spare() posix.Errno {
	t := p.fds
	for t.free < len(t.slots) && t.slots[t.free].file != nil {
		t.free++
	}
	if uint64(t.free) >= p.limits[rlimitNofile].Soft {
		return emfile
	}
	return 0
}

func (t *fdTable) put(at int, s slot) {
	if at >= len(t.slots) {
		grown := make([]slot, max(8, 1<<bits.Len(uint(at))))
		copy(grown, t.slots)
		t.slots = grown
	}
	t.slots[at] = s
}

// remove frees a number, which is in use, and drops its file.
func (t *fdTable) remove(fd posix.FD) {
	f := t.slots[fd].file
	t.slots[fd] = slot{}
	t.free = min(t.free, int(fd))
	f.drop()
}

// share returns the table itself for a child with CLONE_FILES.
func (t *fdTable) share() *fdTable {
	t.users++
	return t
}

// unshare is what exec does: a table that others share is copied.
func (t *fdTable) unshare() *fdTable {
	if t.users == 0 {
		return t
	}
	t.users--
	return t.clone()
}

// leave is what the end of a process does: with its last process a table closes everything.
func (t *fdTable) leave() {
	if t.users == 0 {
		t.closeAll(false)
		return
	}
	t.users--
}

// clone returns a copy for a child.
func (t *fdTable) clone() *fdTable {
	c := &fdTable{slots: make([]slot, len(t.slots)), free: t.free}
	copy(c.slots, t.slots)
	for _, s := range c.slots {
		if s.file != nil {
			s.file.hold()
		}
	}
	return c
}

// closeAll closes everything, or with onlyCloexec what exec closes.
func (t *fdTable) closeAll(onlyCloexec bool) {
	for fd, s := range t.slots {
		if s.file != nil && (s.cloexec || !onlyCloexec) {
			t.remove(posix.FD(fd))
		}
	}
}
