package kernel

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// newProcess makes /proc/PID, which is in at but not among its names.
func (s *super) newProcess(at *entry, q *Process, name string) *entry {
	e := &entry{name: name, parent: at, inode: s.newInode(unix.S_IFDIR|0o555, &dir{special: fixed{}})}
	s.fillProcess(e, q)
	task := s.addDir(e, "task", 0o555, fixed{})
	s.fillProcess(s.addDir(task, name, 0o555, fixed{}), q)
	return e
}

// fillProcess makes the files that tell about a process.
func (s *super) fillProcess(e *entry, q *Process) {
	for _, f := range procTexts {
		s.own(s.addTo(e, f.name, unix.S_IFREG|f.mode, f.of(q)), q)
	}
	s.own(s.addDir(e, "fd", 0o500, &procFDs{of: q, super: s}), q)
	ns := s.addDir(e, "ns", 0o511, fixed{})
	for _, name := range nsNames {
		s.own(s.addTo(ns, name, unix.S_IFLNK|0o777, namespaceLink(q, name)), q)
	}
	for _, l := range []struct {
		name string
		to   func() *place
	}{
		{"cwd", func() *place { return q.cwd }}, {"root", func() *place { return q.root }},
		{"exe", func() *place {
			if q.exe == nil {
				return nil
			}
			return q.exe.place
		}},
	} {
		s.own(s.addTo(e, l.name, unix.S_IFLNK|0o777, placeLink(q, l.to)), q)
	}
}

func (s *super) own(e *entry, q *Process) {
	e.inode.uid, e.inode.gid = q.cred.uids.Effective, q.cred.gids.Effective
}

// mayPeek says whether a process may see where another's links lead: EACCES. Source: ptrace_may_access() with PTRACE_MODE_READ_FSCREDS.
func (p *Process) mayPeek(q *Process) posix.Errno {
	own := &p.cred
	if !p.mayTrace(q, own.uids.Effective, own.gids.Effective, own.caps.Effective) {
		return eacces
	}
	return 0
}

// mayTrace is __ptrace_may_access() in kernel/ptrace.c, with the user, group and capabilities that count for the caller: those of its effective or of its
// real credentials.
func (p *Process) mayTrace(q *Process, uid posix.UID, gid posix.GID, caps uint64) bool {
	if p == q || p.pid == q.pid {
		return true
	}
	if d := p.box.domain; d != nil && !q.box.domain.within(d) {
		return false // whatever capabilities it has: hook_ptrace_access_check in security/landlock/task.c
	}
	if p.cred.has(unix.CAP_SYS_PTRACE) {
		return true
	}
	other := &q.cred
	return other.uids == posix.Uids{Real: uid, Effective: uid, Saved: uid} && other.gids == posix.Gids{Real: gid, Effective: gid, Saved: gid} &&
		(q.attrs.dumpable == 1 || q.state == ended) &&
		other.caps.Permitted&^caps == 0 // cap_ptrace_access_check in security/commoncap.c
}

// placeLink is a magic link to a place of a process.
func placeLink(q *Process, to func() *place) jumper {
	at := func(p *Process) (*place, posix.Errno) {
		if errno := p.mayPeek(q); errno != 0 {
			return nil, errno
		}
		if q.state == ended || q.state == reaped || to() == nil {
			return nil, enoent
		}
		return to(), 0
	}
	return jumper{
		computed: func(p *Process) (string, posix.Errno) {
			place, errno := at(p)
			if errno != 0 {
				return "", errno
			}
			return p.pathOf(place.spot()), 0
		},
		to: func(p *Process) (spot, posix.Errno) {
			place, errno := at(p)
			if errno != 0 {
				return spot{}, errno
			}
			return place.spot(), 0
		},
	}
}

// namespaceLink is a magic link to a namespace of a process.
func namespaceLink(q *Process, name string) jumper {
	return jumper{
		computed: func(p *Process) (string, posix.Errno) {
			if errno := p.mayPeek(q); errno != 0 {
				return "", errno
			}
			return nsTarget(name, q.namespaceOf(name)), 0
		},
		to: func(p *Process) (spot, posix.Errno) {
			if errno := p.mayPeek(q); errno != 0 {
				return spot{}, errno
			}
			n := q.namespaceOf(name)
			in := &inode{super: p.k.tree.nsfs(), ino: n.ino, mode: unix.S_IFREG | 0o444, nlink: 1, body: nsBody{q, name}}
			return spot{p.k.tree.hidden, &entry{name: nsTarget(name, n), inode: in}}, 0
		},
	}
}

// nsfs is the file system of the inodes of namespaces.
func (t *tree) nsfs() *super {
	return &super{k: t.k, dev: nsDevice, typ: "nsfs", magic: unix.NSFS_MAGIC}
}

// nsBody is the body of a namespace's inode.
type nsBody struct {
	of   *Process
	name string
}

func (nsBody) size() int64 { return 0 }

func (b nsBody) open(_ *Process, _ *inode, _ *file) (object, posix.Errno) {
	n := b.of.namespaceOf(b.name)
	if ns, ok := n.of.(*mountNS); ok {
		ns.users++
	}
	return n, 0
}

// procFDs is /proc/PID/fd.
type procFDs struct {
	fixed
	of    *Process
	super *super
	links map[posix.FD]*entry
}

func (d *procFDs) lookup(_ *Process, at *entry, name string) *entry {
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil || len(name) > 1 && name[0] == '0' || d.of.state != alive {
		return nil
	}
	fd := posix.FD(n)
	f := d.of.fds.get(fd)
	if f == nil {
		return nil
	}
	return d.link(at, fd, f)
}

// link returns the entry of a descriptor. Its permission bits say how it was opened. Source: tid_fd_update_inode() in fs/proc/fd.c.
func (d *procFDs) link(at *entry, fd posix.FD, f *file) *entry {
	e := d.links[fd]
	if e == nil {
		q := d.of
		e = &entry{name: itoa(int(fd)), parent: at, inode: d.super.newInode(unix.S_IFLNK, descriptorLink(q, fd))}
		d.super.own(e, q)
		if d.links == nil {
			d.links = map[posix.FD]*entry{}
		}
		d.links[fd] = e
	}
	mode := uint32(unix.S_IFLNK)
	if f.readable() {
		mode |= 0o500
	}
	if f.writable() {
		mode |= 0o300
	}
	e.inode.mode = mode
	return e
}

func (d *procFDs) transient(string) bool { return true }

func (d *procFDs) list(_ *Process, at *entry) {
	b := dirOf(at)
	for fd, s := range d.of.fds.slots {
		name := itoa(fd)
		old := b.names[name]
		switch {
		case s.file == nil && old != nil:
			b.detach(old)
		case s.file != nil:
			if e := d.link(at, posix.FD(fd), s.file); old == nil {
				b.attach(at, e)
			}
		}
	}
}

// descriptorLink is a magic link to what a descriptor stands for.
func descriptorLink(q *Process, fd posix.FD) jumper {
	get := func(p *Process) (*file, posix.Errno) {
		if errno := p.mayPeek(q); errno != 0 {
			return nil, errno
		}
		if f := q.fds.get(fd); f != nil {
			return f, 0
		}
		return nil, enoent
	}
	return jumper{
		computed: func(p *Process) (string, posix.Errno) {
			f, errno := get(p)
			switch {
			case errno != 0:
				return "", errno
			case f.place != nil:
				return p.pathOf(f.place.spot()), 0
			}
			return f.label(), 0
		},
		to: func(p *Process) (spot, posix.Errno) {
			f, errno := get(p)
			switch {
			case errno != 0:
				return spot{}, errno
			case f.place != nil:
				return f.place.spot(), 0
			}
			return f.stray(), 0
		},
	}
}

// label is what a link to something without a place shows.
func (f *file) label() string {
	var st posix.Stat
	_ = f.object.stat(f, &st) // in memory: it does not fail
	switch o := f.object.(type) {
	case interface{ label() string }:
		return o.label()
	case *nsFile:
		return "ns:[" + utoa(st.Ino) + "]"
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "pipe:[" + utoa(st.Ino) + "]"
	case unix.S_IFSOCK:
		return "socket:[" + utoa(st.Ino) + "]"
	}
	return "anon_inode:[" + anonymousName(f.object) + "]"
}

func anonymousName(o object) string {
	switch o.(type) {
	case *epoll:
		return "eventpoll"
	case *eventfd:
		return "eventfd"
	case *timerfd:
		return "timerfd"
	case *pidfd:
		return "pidfd"
	}
	return "other"
}
