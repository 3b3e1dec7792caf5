package kernel

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Getdents implements [posix.Files].
func (p *Process) Getdents(fd posix.FD, buf []byte) (int, error) {
	c, errno := p.enter(posix.OpGetdents, uint64(fd), 1, uint64(len(buf)))
	n := 0
	if errno == 0 {
		n, errno = p.getdents(fd, buf)
	}
	return n, c.leave(errno)
}

// The offset of a directory is the cookie of the next entry: 0 is ".", 1 is "..", 2 the first of the others, whose own begin behind it.
const (
	firstCookie = 2
	// endOfDir is where a directory has been read to the end: what is made later is not seen. Source: DIR_OFFSET_EOD in fs/libfs.c.
	endOfDir = math.MaxInt32
)

func (p *Process) getdents(fd posix.FD, buf []byte) (int, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return 0, errno
	}
	d, ok := f.object.(*dir)
	switch {
	case !ok:
		return 0, enotdir
	case d.n.dead():
		return 0, enoent
	}
	at := f.place.entry
	if d.special != nil {
		d.special.list(p, at)
	}
	w := direntWriter{buf: buf}
	if f.offset == 0 && w.put(d.n.ino, 1, unix.S_IFDIR, ".") {
		f.offset = 1
	}
	if f.offset == 1 && w.put(parentInode(f.place), firstCookie, unix.S_IFDIR, "..") {
		f.offset = firstCookie
	}
	switch {
	case f.offset < firstCookie, f.offset == endOfDir:
	case d.special == nil:
		d.readDown(f, &w)
	default:
		i, _ := d.search(f.offset - firstCookie + 1)
		for ; i < len(d.order); i++ {
			e := d.order[i]
			if e == nil {
				continue
			}
			next := e.cookie + firstCookie
			if !w.put(e.inode.ino, next, e.inode.mode, e.name) {
				break
			}
			f.offset = next
		}
	}
	if w.n == 0 && w.full {
		return 0, einval
	}
	d.n.accessed(f.place.mount)
	return w.n, 0
}

// readDown lists entries, the newest first. Source: offset_iterate_dir() in fs/libfs.c.
func (d *dir) readDown(f *file, w *direntWriter) {
	i := len(d.order) - 1
	if f.offset > firstCookie {
		var exact bool
		if i, exact = d.search(f.offset - firstCookie); !exact {
			i--
		}
	}
	for i = d.older(i); i >= 0; {
		e, behind := d.order[i], d.older(i-1)
		f.offset = e.cookie + firstCookie
		next := int64(endOfDir)
		if behind >= 0 {
			next = d.order[behind].cookie + firstCookie
		}
		if !w.put(e.inode.ino, next, e.inode.mode, e.name) {
			return
		}
		i = behind
	}
	f.offset = endOfDir
}

// older returns the index of the next entry at or before one, or -1.
func (d *dir) older(i int) int {
	for i >= 0 && d.order[i] == nil {
		i--
	}
	return i
}

// parentInode is the inode number of "..", which at the root of a file system is its own.
func parentInode(at *place) uint64 {
	if at.entry.parent != nil {
		return at.entry.parent.inode.ino
	}
	return at.entry.inode.ino
}

// direntWriter fills a buffer with entries in the kernel's layout. Source: struct linux_dirent64 in getdents(2).
type direntWriter struct {
	buf  []byte
	n    int
	full bool // something did not fit
}

const direntHead = 19 // bytes before the name

func (w *direntWriter) put(ino uint64, next int64, mode uint32, name string) bool {
	size := (direntHead + len(name) + 1 + 7) &^ 7
	if w.full || size > len(w.buf)-w.n {
		w.full = true
		return false
	}
	b := w.buf[w.n : w.n+size]
	binary.NativeEndian.PutUint64(b, ino)
	binary.NativeEndian.PutUint64(b[8:], uint64(next))
	binary.NativeEndian.PutUint16(b[16:], uint16(size))
	b[18] = byte(mode >> 12 & 0xf)
	clear(b[direntHead+copy(b[direntHead:], name):])
	w.n += size
	return true
}
