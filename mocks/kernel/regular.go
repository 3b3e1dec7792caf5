package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	// nearPages is how many pages of a file are found by their index; the others, which only a sparse file has, are in a map.
	nearPages = 1 << 14
	// maxFile is the largest size of a file on a tmpfs. Source: MAX_LFS_FILESIZE in include/linux/fs.h.
	maxFile = 1<<63 - 1
)

// regular is the body of a regular file, and the object of its descriptions. Pages that were never written to are not there; a page may be shorter than pageSize,
// and what it lacks is zero.
type regular struct {
	n      *inode
	length int64
	near   [][]byte
	far    map[int64][]byte
	count  int64 // pages that are there
	seals  int   // F_SEAL_…
	// program is what an executable runs, unless its bytes say what.
	program func(p *Process, argv, env []string) int
	// shared is memory that is mapped MAP_SHARED: the first pages of the file are parts of it, and none of near and far.
	shared   []byte
	hollow   []bool // which pages of shared nobody has written by a call: they are holes while they are empty
	mapped   int    // shared mappings
	writable int    // those of them that may write
}

func (r *regular) size() int64 { return r.length }

func (r *regular) open(*Process, *inode, *file) (object, posix.Errno) { return r, 0 }
func (r *regular) events(*file) uint32 {
	return unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDNORM | unix.EPOLLWRNORM
}
func (r *regular) changes() uint64 { return 0 }
func (r *regular) pollable() bool  { return false }
func (r *regular) release(*file)   {}

func (r *regular) stat(_ *file, st *posix.Stat) posix.Errno {
	r.n.fill(st)
	return 0
}

func (r *regular) page(i int64) []byte {
	if i < int64(len(r.shared))/pageSize {
		return r.shared[i*pageSize : (i+1)*pageSize : (i+1)*pageSize]
	}
	if i < nearPages {
		if i < int64(len(r.near)) {
			return r.near[i]
		}
		return nil
	}
	return r.far[i]
}

func (r *regular) setPage(i int64, b []byte) {
	if i >= nearPages {
		if r.far == nil {
			r.far = map[int64][]byte{}
		}
		r.far[i] = b
		return
	}
	for int64(len(r.near)) <= i {
		r.near = append(r.near, nil)
	}
	r.near[i] = b
}

// makePage returns page i, at least size bytes of it. ENOSPC: the file system is full.
func (r *regular) makePage(i int64, size int) ([]byte, posix.Errno) {
	if i < int64(len(r.hollow)) {
		r.hollow[i] = false
	}
	b := r.page(i)
	if b == nil {
		s := r.n.super
		if s.size != 0 && s.used+pageSize > s.size {
			return nil, enospc
		}
		s.used += pageSize
		r.count++
		if i == 0 || size > pageSize/2 {
			b = make([]byte, size, max(size, 64))
		} else {
			b = make([]byte, pageSize)
		}
		r.setPage(i, b)
	}
	if len(b) < size {
		if cap(b) >= size {
			b = b[:size] // what is behind the length of a page is always zero
		} else {
			grown := make([]byte, size, min(pageSize, 2*size))
			copy(grown, b)
			b = grown
		}
		r.setPage(i, b)
	}
	return b, 0
}

// dropPage makes a hole of a page that is not within shared memory.
func (r *regular) dropPage(i int64) {
	if i >= nearPages {
		delete(r.far, i)
	} else if r.near[i] == nil {
		return
	} else {
		r.near[i] = nil
	}
	r.n.super.used -= pageSize
	r.count--
}

// readAt copies what is at off, without the checks of a call.
func (r *regular) readAt(b []byte, off int64) int {
	if off >= r.length {
		return 0
	}
	b = b[:min(int64(len(b)), r.length-off)]
	for done := 0; done < len(b); {
		i, at := (off+int64(done))/pageSize, int((off+int64(done))%pageSize)
		part := b[done:min(len(b), done+pageSize-at)]
		page := r.page(i)
		n := 0
		if at < len(page) {
			n = copy(part, page[at:])
		}
		clear(part[n:])
		done += len(part)
	}
	return len(b)
}

// writeAt copies b to off, and says how much of it found room.
func (r *regular) writeAt(b []byte, off int64) (int, posix.Errno) {
	for done := 0; done < len(b); {
		i, at := (off+int64(done))/pageSize, int((off+int64(done))%pageSize)
		part := b[done:min(len(b), done+pageSize-at)]
		if errno := r.sealed(off+int64(done), len(part)); errno != 0 {
			return done, errno
		}
		page, errno := r.makePage(i, at+len(part))
		if errno != 0 {
			return done, errno
		}
		copy(page[at:], part)
		done += len(part)
		r.length = max(r.length, off+int64(done))
	}
	return len(b), 0
}

// sealed says whether seals forbid writing. Source: shmem_write_begin() in mm/shmem.c.
func (r *regular) sealed(off int64, count int) posix.Errno {
	switch {
	case r.seals&(unix.F_SEAL_GROW|unix.F_SEAL_WRITE|unix.F_SEAL_FUTURE_WRITE) == 0:
	case r.seals&(unix.F_SEAL_WRITE|unix.F_SEAL_FUTURE_WRITE) != 0:
		return eperm
	case off+int64(count) > r.length:
		return eperm
	}
	return 0
}

// resize is truncate(2) without its checks.
func (r *regular) resize(size int64) {
	if size < r.length {
		first := (size + pageSize - 1) / pageSize
		if end := min(int64(len(r.shared)), r.length); first*pageSize < end {
			clear(r.shared[first*pageSize : end])
			for i := first; i*pageSize < end; i++ {
				r.hollow[i] = true
			}
		}
		for i := first; i < int64(len(r.near)); i++ {
			r.dropPage(i)
		}
		r.near = r.near[:min(int64(len(r.near)), first)]
		for i := range r.far {
			if i >= first {
				r.dropPage(i)
			}
		}
		if at := size % pageSize; at != 0 {
			if page := r.page(size / pageSize); int64(len(page)) > at {
				clear(page[at:])
			}
		}
	}
	r.length = size
}

// free gives back the room of a file that is gone.
func (r *regular) free() {
	r.n.super.used -= r.count * pageSize
	r.near, r.far, r.shared, r.hollow, r.count, r.length = nil, nil, nil, nil, 0, 0
}

func (r *regular) read(p *Process, f *file, b []byte) (int, posix.Errno) {
	if f.offset+int64(len(b)) < 0 { // Source: rw_verify_area() in fs/read_write.c.
		return 0, einval
	}
	n, errno := r.pread(p, f, b, f.offset)
	f.offset += int64(n)
	return n, errno
}

func (r *regular) write(p *Process, f *file, b []byte) (int, posix.Errno) {
	if f.offset+int64(len(b)) < 0 {
		return 0, einval
	}
	if f.flags&oAppend != 0 {
		f.offset = r.length
	}
	n, errno := r.pwrite(p, f, b, f.offset)
	f.offset += int64(n)
	return n, errno
}

func (r *regular) pread(_ *Process, f *file, b []byte, off int64) (int, posix.Errno) {
	n := r.readAt(b, off)
	r.touch(f)
	return n, 0
}

// touch stamps an access, as file_accessed() in include/linux/fs.h does.
func (r *regular) touch(f *file) {
	if f.flags&unix.O_NOATIME == 0 && f.place != nil {
		r.n.accessed(f.place.mount)
	}
}

func (r *regular) pwrite(p *Process, f *file, b []byte, off int64) (int, posix.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	if f.flags&oAppend != 0 {
		off = r.length
	}
	// Source: generic_write_checks() in fs/read_write.c.
	if limit := p.limits[unix.RLIMIT_FSIZE].Soft; limit <= maxFile {
		if uint64(off) >= limit {
			p.k.send(p, posix.SignalInfo{Signal: unix.SIGXFSZ, Code: siKernel}, true)
			return 0, efbig
		}
		b = b[:min(uint64(len(b)), limit-uint64(off))]
	}
	if off == maxFile {
		return 0, efbig
	}
	b = b[:min(int64(len(b)), maxFile-off)]
	if r.n.mode&(unix.S_ISUID|unix.S_ISGID) != 0 || r.n.caps != nil {
		p.stripPrivileges(r.n)
	}
	r.n.modified()
	n, errno := r.writeAt(b, off)
	if n > 0 {
		errno = 0
	}
	return n, errno
}

// stripPrivileges is what writing to a file does to its set-user and set-group bits and its capabilities. Source: file_remove_privs() in fs/inode.c.
func (p *Process) stripPrivileges(n *inode) {
	n.caps = nil
	if p.capable(n, unix.CAP_FSETID) {
		return
	}
	n.mode &^= unix.S_ISUID
	if n.mode&unix.S_IXGRP != 0 || !p.inGroup(n.gid) {
		n.mode &^= unix.S_ISGID
	}
}

// present tells whether a page is there, and no hole. What is written to shared memory is seen by looking.
func (r *regular) present(i int64) bool {
	page := r.page(i)
	if i >= int64(len(r.hollow)) || !r.hollow[i] {
		return page != nil
	}
	return slices.ContainsFunc(page, func(b byte) bool { return b != 0 })
}

// seek finds where SEEK_DATA and SEEK_HOLE lead. A page that is there is data.
func (r *regular) seek(off int64, whence int) (int64, posix.Errno) {
	if off < 0 || off >= r.length {
		return 0, enxio
	}
	data := whence == unix.SEEK_DATA
	i := off / pageSize
	for pos := off; pos < r.length; {
		if r.present(i) == data {
			return pos, 0
		}
		if next, ok := r.nextFar(i); i >= int64(len(r.near)) && i >= int64(len(r.hollow)) && r.page(i) == nil && data {
			if !ok {
				return 0, enxio
			}
			i = next
		} else {
			i++
		}
		if i > maxFile/pageSize {
			break
		}
		pos = i * pageSize
	}
	if data {
		return 0, enxio
	}
	return r.length, 0
}

// nextFar returns the first page after i, if none of the near ones comes after it.
func (r *regular) nextFar(i int64) (int64, bool) {
	next, ok := int64(0), false
	for at := range r.far {
		if at > i && (!ok || at < next) {
			next, ok = at, true
		}
	}
	return next, ok
}
