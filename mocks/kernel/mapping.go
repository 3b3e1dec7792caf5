package kernel

import (
	"math"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// mapping is a range of a process's memory that Mmap made.
type mapping struct {
	memory []byte // whole pages
	file   *file  // held; nil: anonymous
	offset int64
	shared bool
	prot   int
	// writable: it counts as a shared mapping that can be made writable. Source: mapping_map_writable() in include/linux/fs.h.
	writable bool
}

// maxMapping is the largest mapping, since all of it is memory of the test.
const maxMapping = 1 << 32

// maxShared is how much of a file, from its beginning on, can be mapped MAP_SHARED.
const maxShared = 1 << 30

// Mmap implements [posix.Memory].
func (p *Process) Mmap(m posix.Mapping) ([]byte, error) {
	if m.Length <= 0 || m.Flags&(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE) != 0 {
		return nil, einval
	}
	c, errno := p.enter(posix.OpMmap, 0, uint64(m.Length), uint64(m.Prot), uint64(m.Flags), uint64(m.FD), uint64(m.Offset))
	var b []byte
	if errno == 0 {
		b, errno = p.mmap(m)
	}
	return b, c.leave(errno)
}

// mmap keeps the order of checks of do_mmap() in mm/mmap.c.
func (p *Process) mmap(m posix.Mapping) ([]byte, posix.Errno) {
	if m.Offset&(pageSize-1) != 0 {
		return nil, einval
	}
	kind := m.Flags & unix.MAP_TYPE
	n := &mapping{offset: m.Offset, prot: m.Prot, shared: kind != unix.MAP_PRIVATE}
	if m.Flags&unix.MAP_ANONYMOUS == 0 {
		f, errno := p.file(m.FD)
		if errno != 0 {
			return nil, errno
		}
		n.file = f
	}
	if m.Length > maxMapping {
		return nil, enomem
	}
	size := (m.Length + pageSize - 1) &^ (pageSize - 1)
	if f := n.file; f != nil && isRegular(f) && (m.Offset < 0 || m.Offset > maxFile-int64(size)) {
		return nil, eoverflow
	}
	known := kind == unix.MAP_SHARED || kind == unix.MAP_PRIVATE || kind == unix.MAP_SHARED_VALIDATE && n.file != nil
	if n.file == nil {
		if !known {
			return nil, einval
		}
		n.memory = pages(size)
	} else {
		if !known {
			return nil, einval
		}
		if errno := n.mapFile(size); errno != 0 {
			return nil, errno
		}
		n.file.hold()
	}
	p.maps = append(p.maps, n)
	return n.memory[:m.Length:m.Length], 0
}

func isRegular(f *file) bool {
	_, ok := f.object.(*regular)
	return ok
}

// mapFile finds the memory of a mapping of a file.
func (n *mapping) mapFile(size int) posix.Errno {
	f := n.file
	switch {
	case n.shared && n.prot&unix.PROT_WRITE != 0 && !f.writable(), !f.readable():
		return eacces
	case n.prot&unix.PROT_EXEC != 0 && f.place != nil && f.place.mount.flags&unix.MOUNT_ATTR_NOEXEC != 0:
		return eperm
	}
	switch o := f.object.(type) {
	case *regular:
		errno := n.mapRegular(o, size)
		if errno == 0 && f.flags&oNoatime == 0 {
			o.n.accessed(f.place.mount) // Source: shmem_mmap() in mm/shmem.c.
		}
		return errno
	case *tcpSocket: // what is received could be put there; here never anything is. Source: tcp_mmap() in net/ipv4/tcp.c.
		if n.prot&(unix.PROT_WRITE|unix.PROT_EXEC) != 0 {
			return eperm
		}
		n.memory = pages(size)
		return 0
	case *memoryDevice:
		if o.n.rdev == devZero {
			n.memory = pages(size)
			return 0
		}
	}
	return enodev
}

func (n *mapping) mapRegular(r *regular, size int) posix.Errno {
	if !n.shared {
		n.memory = pages(size)
		r.readAt(n.memory, n.offset)
		return 0
	}
	sealed := r.seals&(unix.F_SEAL_WRITE|unix.F_SEAL_FUTURE_WRITE) != 0
	if sealed && n.prot&unix.PROT_WRITE != 0 {
		return eperm
	}
	if errno := r.share(n.offset + int64(size)); errno != 0 {
		return errno
	}
	n.memory = r.shared[n.offset : n.offset+int64(size) : n.offset+int64(size)]
	r.mapped++
	if n.file.writable() && !sealed {
		n.writable = true
		r.writable++
	}
	return 0
}

// share makes the pages of the file up to end one piece of memory, of which shared mappings are parts. A piece that is mapped cannot grow: ENOMEM.
func (r *regular) share(end int64) posix.Errno {
	if end <= int64(len(r.shared)) {
		return 0
	}
	if r.mapped > 0 || end > maxShared {
		return enomem
	}
	// Room to grow: another mapping might want more of the file.
	size := min(maxShared, 2*max(end, (min(r.length, maxShared)+pageSize-1)&^(pageSize-1), 16*pageSize))
	shared, hollow := pages(int(size)), make([]bool, size/pageSize)
	for i := range hollow {
		hollow[i] = !r.present(int64(i))
	}
	for i, page := range r.near { // they are all within: near ends at 64 MiB, and a larger file has a larger piece
		copy(shared[i*pageSize:], page)
		r.near[i] = nil
	}
	for i, page := range r.far {
		if i < size/pageSize {
			copy(shared[i*pageSize:], page)
			delete(r.far, i)
		}
	}
	r.shared, r.hollow = shared, hollow
	return 0
}

// findMapping returns the mapping that an address lies in.
func (p *Process) findMapping(at uintptr) (int, *mapping) {
	for i, n := range p.maps {
		if start := address(n.memory); at >= start && at-start < uintptr(len(n.memory)) {
			return i, n
		}
	}
	return -1, nil
}

// Munmap implements [posix.Memory].
func (p *Process) Munmap(b []byte) error {
	if cap(b) == 0 {
		return einval
	}
	c, errno := p.enter(posix.OpMunmap, uint64(address(b)), uint64(cap(b)))
	if errno == 0 {
		errno = p.munmap(b)
	}
	return c.leave(errno)
}

func (p *Process) munmap(b []byte) posix.Errno {
	start := address(b)
	if start&(pageSize-1) != 0 {
		return einval
	}
	i, n := p.findMapping(start)
	if n == nil {
		return einval
	}
	first := int(start - address(n.memory))
	last := min(len(n.memory), first+(cap(b)+pageSize-1)&^(pageSize-1))
	// What is before and behind stays: each is a mapping of its own.
	p.maps = slices.Delete(p.maps, i, i+1)
	for _, part := range [][2]int{{0, first}, {last, len(n.memory)}} {
		if part[0] < part[1] {
			rest := *n
			rest.memory, rest.offset = n.memory[part[0]:part[1]:part[1]], n.offset+int64(part[0])
			rest.count(1)
			if rest.file != nil {
				rest.file.hold()
			}
			p.maps = append(p.maps, &rest)
		}
	}
	n.drop()
	return 0
}

// count adds to the numbers of shared mappings of a file.
func (n *mapping) count(by int) {
	if n.file == nil {
		return
	}
	if r, ok := n.file.object.(*regular); ok && n.shared {
		r.mapped += by
		if n.writable {
			r.writable += by
		}
	}
}

func (n *mapping) drop() {
	n.count(-1)
	if n.file != nil {
		n.file.drop()
	}
}

// unmapAll is what exec and the end of a process do.
func (p *Process) unmapAll() {
	for _, n := range p.maps {
		n.drop()
	}
	p.maps = nil
}

// Mprotect implements [posix.Memory].
func (p *Process) Mprotect(b []byte, prot int) error {
	c, errno := p.enter(posix.OpMprotect, uint64(address(b)), uint64(len(b)), uint64(prot))
	if errno == 0 {
		errno = p.mprotect(b, prot)
	}
	return c.leave(errno)
}

func (p *Process) mprotect(b []byte, prot int) posix.Errno {
	const known = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC | 8 // PROT_SEM
	start := address(b)
	prot &^= unix.PROT_GROWSDOWN | unix.PROT_GROWSUP
	switch {
	case start&(pageSize-1) != 0:
		return einval
	case len(b) == 0:
		return 0
	case prot&^known != 0:
		return einval
	}
	return p.eachMapping(start, len(b), func(n *mapping, _ []byte, _ int) posix.Errno {
		if prot&unix.PROT_WRITE != 0 && n.shared && n.file != nil && !n.writable {
			return eacces
		}
		n.prot = prot
		return 0
	})
}

// eachMapping calls f for all mappings of a range of whole pages, with the part of it and where in the mapping it begins. ENOMEM: something of the range is not mapped.
func (p *Process) eachMapping(start uintptr, length int, f func(n *mapping, part []byte, at int) posix.Errno) posix.Errno {
	for length = (length + pageSize - 1) &^ (pageSize - 1); length > 0; {
		_, n := p.findMapping(start)
		if n == nil {
			return enomem
		}
		at := int(start - address(n.memory))
		part := n.memory[at:min(len(n.memory), at+length)]
		if errno := f(n, part, at); errno != 0 {
			return errno
		}
		start += uintptr(len(part))
		length -= len(part)
	}
	return 0
}

// Madvise implements [posix.Memory].
func (p *Process) Madvise(addr, length uintptr, advice int) error {
	c, errno := p.enter(posix.OpMadvise, uint64(addr), uint64(length), uint64(advice))
	if errno == 0 {
		errno = p.madvise(addr, length, advice)
	}
	return c.leave(errno)
}

// madvise keeps the order of checks of do_madvise() in mm/madvise.c.
func (p *Process) madvise(addr, length uintptr, advice int) posix.Errno {
	known := advice >= 0 && advice <= unix.MADV_DONTNEED || advice >= unix.MADV_FREE && advice <= unix.MADV_COLLAPSE ||
		advice == 102 || advice == 103 // MADV_GUARD_INSTALL, MADV_GUARD_REMOVE
	rounded := (length + pageSize - 1) &^ (pageSize - 1)
	switch {
	case !known, addr&(pageSize-1) != 0, length > 0 && rounded == 0, addr+rounded < addr:
		return einval
	case rounded == 0:
		return 0
	case rounded > math.MaxInt64:
		return enomem
	}
	return p.eachMapping(addr, int(rounded), func(n *mapping, part []byte, at int) posix.Errno { return n.advise(part, at, advice) })
}

func (n *mapping) advise(part []byte, at int, advice int) posix.Errno {
	switch advice {
	case unix.MADV_DONTNEED, unix.MADV_DONTNEED_LOCKED:
		if n.shared {
			return 0
		}
		clear(part)
		if n.file != nil {
			if r, ok := n.file.object.(*regular); ok {
				r.readAt(part, n.offset+int64(at))
			}
		}
	case unix.MADV_FREE, unix.MADV_WIPEONFORK:
		if n.file != nil || n.shared {
			return einval
		}
	case unix.MADV_REMOVE:
		switch {
		case n.file == nil && !n.shared:
			return einval
		case !n.shared, n.prot&unix.PROT_WRITE == 0:
			return eacces
		}
		clear(part)
	}
	return 0
}
