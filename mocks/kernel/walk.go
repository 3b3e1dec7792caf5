package kernel

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The limits of paths. Source: include/uapi/linux/limits.h, MAXSYMLINKS in include/linux/namei.h.
const (
	pathMax = 4096 // with the zero byte
	nameMax = 255
	maxHops = 40
)

// lookup says how a path is walked, besides RESOLVE_….
type lookup uint8

const (
	follow    lookup = 1 << iota // the last component too, when it is a symbolic link
	directory                    // it must lead to one
	emptyPath                    // "" is dir itself
)

// last is what the last component of a path is.
type last uint8

const (
	lastRoot last = iota // there is none: "/", ""
	lastName
	lastDot
	lastDotDot
)

// walk follows a path. Source: fs/namei.c, whose order of checks it keeps; path_resolution(7).
type walk struct {
	p       *Process
	root    spot
	rooted  bool // the walk has needed root: Linux looks it up then
	cur     spot
	flags   lookup
	resolve uint64
	hops    int // symbolic links so far
	kind    last
	slashes bool   // behind name
	name    string // the last component, not looked at yet
	rest    []string
}

// checkPath answers what the kernel finds when it copies a path: ENOENT for an empty one, unless it may be, and ENAMETOOLONG.
func checkPath(path string, flags lookup) posix.Errno {
	switch {
	case len(path) >= pathMax:
		return enametoolong
	case path == "" && flags&emptyPath == 0:
		return enoent
	}
	return 0
}

// hasNUL tells whether a path cannot be given to the kernel: posix/linux answers EINVAL before it makes the call.
func hasNUL(path string) bool { return strings.IndexByte(path, 0) >= 0 }

// start begins at dir.
func (w *walk) start(dir posix.FD, path string) posix.Errno {
	p := w.p
	w.root = p.root.spot()
	if path != "" && path[0] == '/' && w.resolve&unix.RESOLVE_IN_ROOT == 0 {
		return w.jumpRoot()
	}
	if dir == posix.AtFDCWD {
		w.cur = p.cwd.spot()
	} else {
		f := p.fds.get(dir)
		switch {
		case f == nil:
			return ebadf
		case f.place == nil:
			if path != "" {
				return enotdir
			}
			w.cur = f.stray()
		default:
			w.cur = f.place.spot()
			if path != "" && !w.cur.entry.inode.isDir() {
				return enotdir
			}
		}
	}
	if w.resolve&(unix.RESOLVE_IN_ROOT|unix.RESOLVE_BENEATH) != 0 {
		w.root, w.rooted = w.cur, true
	}
	return 0
}

// jumpRoot goes to the root, as "/" at the beginning of a path or of a symbolic link's target asks for.
func (w *walk) jumpRoot() posix.Errno {
	if w.resolve&unix.RESOLVE_BENEATH != 0 {
		return exdev
	}
	if w.resolve&unix.RESOLVE_NO_XDEV != 0 && w.cur.mount != nil && (!w.rooted || w.cur.mount != w.root.mount) {
		return exdev // also in the same mount, when the root has not been looked up: nd_jump_root() in fs/namei.c
	}
	w.rooted = true
	w.cur = w.root
	return 0
}

// along walks all components of path but the last, which it leaves in w.
func (w *walk) along(path string) posix.Errno {
	path = strings.TrimLeft(path, "/")
	if path == "" {
		return 0
	}
	for {
		if errno := w.p.permission(w.cur.entry.inode, mayExec); errno != 0 {
			return errno
		}
		after := ""
		w.name = path
		w.slashes = false
		if i := strings.IndexByte(path, '/'); i >= 0 {
			w.name = path[:i]
			w.slashes = true
			for i < len(path) && path[i] == '/' {
				i++
			}
			after = path[i:]
		}
		switch w.name {
		case ".":
			w.kind = lastDot
		case "..":
			w.kind = lastDotDot
		default:
			w.kind = lastName
		}
		if after == "" {
			if len(w.rest) == 0 {
				return 0
			}
			after = w.rest[len(w.rest)-1]
			w.rest = w.rest[:len(w.rest)-1]
		}
		target, errno := w.step(true)
		if errno != 0 {
			return errno
		}
		path = after
		if target != "" {
			w.rest = append(w.rest, after)
			path = target
			continue
		}
		if !w.cur.entry.inode.isDir() {
			return enotdir
		}
	}
}

// step takes the component that along has left. The result is the rest of the path when it was a symbolic link; it follows one when through is set.
func (w *walk) step(through bool) (string, posix.Errno) {
	switch w.kind {
	case lastRoot, lastDot:
		return "", 0
	case lastDotDot:
		return "", w.up()
	}
	e, errno := w.p.find(w.cur.entry, w.name)
	if errno != 0 {
		return "", errno
	}
	return w.into(e, through)
}

// find looks a name up in a directory; nil: there is none.
func (p *Process) find(at *entry, name string) (*entry, posix.Errno) {
	if len(name) > nameMax {
		return nil, enametoolong
	}
	e := dirOf(at).find(p, at, name)
	if e == nil && at.inode.super.magic == unix.PROC_SUPER_MAGIC {
		return nil, enoent // procfs says so at once, also when the name is to be made
	}
	return e, 0
}

// into goes on to an entry of the directory where the walk is; nil is ENOENT.
func (w *walk) into(e *entry, through bool) (string, posix.Errno) {
	if e == nil {
		return "", enoent
	}
	next, errno := w.cross(spot{w.cur.mount, e})
	if errno != 0 {
		return "", errno
	}
	if !next.entry.inode.isLink() || !through { // something may be mounted on a link
		w.cur = next
		return "", 0
	}
	return w.hop(next.entry.inode)
}

// cross goes down to what is mounted on a spot.
func (w *walk) cross(s spot) (spot, posix.Errno) {
	for s.entry.covers > 0 {
		m := s.mount.over[s.entry]
		if m == nil {
			break
		}
		if w.resolve&unix.RESOLVE_NO_XDEV != 0 {
			return s, exdev
		}
		s = spot{m, m.root}
	}
	return s, 0
}

// up goes to the parent directory.
func (w *walk) up() posix.Errno {
	w.rooted = true
	for {
		if w.cur == w.root {
			if w.resolve&unix.RESOLVE_BENEATH != 0 {
				return exdev
			}
			break
		}
		m := w.cur.mount
		if w.cur.entry != m.root {
			if w.cur.entry.parent != nil {
				w.cur.entry = w.cur.entry.parent
			}
			break
		}
		if m.parent == nil {
			if w.resolve&unix.RESOLVE_BENEATH != 0 {
				return exdev
			}
			break
		}
		if w.resolve&unix.RESOLVE_NO_XDEV != 0 {
			return exdev
		}
		w.cur = spot{m.parent, m.on}
	}
	next, errno := w.cross(w.cur)
	if errno == 0 {
		w.cur = next
	}
	return errno
}

// link is the body of a symbolic link.
type link interface {
	// target returns what readlink(2) shows.
	target(p *Process, n *inode) (string, posix.Errno)
}

// magicLink is a link that leads to a file whatever its target says, as those in /proc/PID/fd do.
type magicLink interface {
	link
	jump(p *Process, n *inode) (spot, posix.Errno)
}

// hop follows a symbolic link. The result is the path to go on with.
func (w *walk) hop(n *inode) (string, posix.Errno) {
	w.hops++
	if w.hops > maxHops || w.resolve&unix.RESOLVE_NO_SYMLINKS != 0 || w.cur.mount.flags&unix.MOUNT_ATTR_NOSYMFOLLOW != 0 {
		return "", eloop
	}
	if magic, ok := n.body.(magicLink); ok {
		return "", w.jump(magic, n)
	}
	n.accessed(w.cur.mount)
	target, errno := n.body.(link).target(w.p, n)
	if errno != 0 {
		return "", errno
	}
	if target != "" && target[0] == '/' {
		if errno := w.jumpRoot(); errno != 0 {
			return "", errno
		}
		target = strings.TrimLeft(target, "/")
	}
	return target, 0
}

// jump goes where a magic link leads. Source: nd_jump_link() in fs/namei.c.
func (w *walk) jump(l magicLink, n *inode) posix.Errno {
	if w.resolve&unix.RESOLVE_NO_MAGICLINKS != 0 {
		return eloop
	}
	to, errno := l.jump(w.p, n)
	switch {
	case errno != 0:
		return errno
	case w.resolve&unix.RESOLVE_NO_XDEV != 0 && to.mount != w.cur.mount:
		return exdev
	case w.resolve&(unix.RESOLVE_BENEATH|unix.RESOLVE_IN_ROOT) != 0:
		return exdev
	}
	w.cur = to
	return 0
}

// finish takes the last component, and checks what was asked for.
func (w *walk) finish() posix.Errno {
	for {
		if w.kind == lastName && w.slashes {
			w.flags |= follow | directory
		}
		target, errno := w.step(w.flags&follow != 0)
		if errno != 0 {
			return errno
		}
		if target == "" {
			break
		}
		if errno := w.along(target); errno != 0 {
			return errno
		}
	}
	if w.flags&directory != 0 && !w.cur.entry.inode.isDir() {
		return enotdir
	}
	return 0
}

// lookup returns where a path leads.
func (p *Process) lookup(dir posix.FD, path string, flags lookup) (spot, posix.Errno) {
	return p.resolve(dir, path, flags, 0)
}

// resolve is lookup with RESOLVE_….
func (p *Process) resolve(dir posix.FD, path string, flags lookup, how uint64) (spot, posix.Errno) {
	if errno := checkPath(path, flags); errno != 0 {
		return spot{}, errno
	}
	w := walk{p: p, flags: flags, resolve: how}
	errno := w.start(dir, path)
	if errno == 0 {
		errno = w.along(path)
	}
	if errno == 0 {
		errno = w.finish()
	}
	return w.cur, errno
}

// parentOf returns a walk that has come to the directory of the last component, which is in its kind, name and slashes.
func (p *Process) parentOf(dir posix.FD, path string) (walk, posix.Errno) {
	w := walk{p: p}
	errno := checkPath(path, 0)
	if errno == 0 {
		errno = w.start(dir, path)
	}
	if errno == 0 {
		errno = w.along(path)
	}
	return w, errno
}
