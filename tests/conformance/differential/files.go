package differential

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func fileGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpOpenat2] = genOpenat2
	t[posix.OpClose] = func(g *generator) {
		fd := g.fd(any_)
		if g.do(step{posix.OpClose, fmt.Sprintf("close %d", fd), func(s *side) outcome { return answer(s.core.Close(fd)) }}).Errno == 0 {
			g.closed(fd)
		}
	}
	t[posix.OpRead] = func(g *generator) {
		if g.chance(50) {
			g.fillPipe()
		}
		fd, size := g.fd(readable), pick(g, 0, 1, 8, 8, 100, 4096)
		g.do(step{posix.OpRead, fmt.Sprintf("read %d %d", fd, size), func(s *side) outcome {
			b := make([]byte, size)
			n, err := s.core.Read(fd, b)
			return answer(err, n, sum(b[:max(n, 0)]))
		}})
	}
	t[posix.OpWrite] = func(g *generator) {
		fd, b := g.fd(writable), g.data()
		g.do(step{posix.OpWrite, fmt.Sprintf("write %d %s", fd, sum(b)), func(s *side) outcome { return answer2(s.core.Write(fd, b)) }})
	}
	t[posix.OpPread] = func(g *generator) {
		fd, size, off := g.fd(file|memfd), pick(g, 0, 1, 100, 5000), g.offset()
		g.do(step{posix.OpPread, fmt.Sprintf("pread %d %d at %d", fd, size, off), func(s *side) outcome {
			b := make([]byte, size)
			n, err := s.core.Pread(fd, b, off)
			return answer(err, n, sum(b[:max(n, 0)]))
		}})
	}
	t[posix.OpPwrite] = func(g *generator) {
		fd, b, off := g.fd(file|memfd), g.data(), g.offset()
		g.do(step{posix.OpPwrite, fmt.Sprintf("pwrite %d %s at %d", fd, sum(b), off), func(s *side) outcome { return answer2(s.core.Pwrite(fd, b, off)) }})
	}
	t[posix.OpLseek] = func(g *generator) {
		fd, off, whence := g.fd(file|memfd|directory), g.offset(), pick(g, 0, 0, 1, 2, 3, 4, 9)
		if h, ok := g.find(directory); ok && h.fd == fd {
			off, whence = 0, 0 // positions in a directory are the file system's own
		}
		g.do(step{posix.OpLseek, fmt.Sprintf("lseek %d %d %d", fd, off, whence), func(s *side) outcome {
			n, err := s.core.Lseek(fd, off, whence)
			return answer(err, n)
		}})
	}
	t[posix.OpFstat] = func(g *generator) {
		fd := g.fd(any_)
		g.do(step{posix.OpFstat, fmt.Sprintf("fstat %d", fd), func(s *side) outcome {
			var st posix.Stat
			err := s.core.Fstat(fd, &st)
			return answer(err, s.statOr(err, &st))
		}})
	}
	t[posix.OpFstatat] = func(g *generator) {
		text, dir := g.dir()
		name, flags := g.name(), g.flags(unix.AT_SYMLINK_NOFOLLOW, unix.AT_EMPTY_PATH)
		g.do(step{posix.OpFstatat, fmt.Sprintf("fstatat %s %s %#x", text, show(name), flags), func(s *side) outcome {
			var st posix.Stat
			err := s.core.Fstatat(dir(s), name, &st, flags)
			return answer(err, s.statOr(err, &st))
		}})
	}
	t[posix.OpReadlinkat] = func(g *generator) {
		if g.chance(30) {
			g.generate(posix.OpSymlinkat)
		}
		text, dir := g.dir()
		name, size := pick(g, "s", "s", "s", g.name()), pick(g, 0, 1, 64, 64, 64)
		g.do(step{posix.OpReadlinkat, fmt.Sprintf("readlinkat %s %s %d", text, show(name), size), func(s *side) outcome {
			b := make([]byte, size)
			n, err := s.core.Readlinkat(dir(s), name, b)
			return answer(err, n, string(b[:max(n, 0)]))
		}})
	}
	t[posix.OpMkdirat] = func(g *generator) {
		text, dir := g.dir()
		name, mode := g.name(), g.mode()
		g.do(step{posix.OpMkdirat, fmt.Sprintf("mkdirat %s %s %#o", text, show(name), mode), func(s *side) outcome {
			return answer(s.core.Mkdirat(dir(s), name, mode))
		}})
	}
	t[posix.OpSymlinkat] = func(g *generator) {
		text, dir := g.dir()
		target, name := pick(g, "a", "d", "d/a", "s", "../y/a", "nothing", "", long(4095), g.run.base+"/b", "."), pick(g, "s", "s", "c", g.name())
		g.do(step{posix.OpSymlinkat, fmt.Sprintf("symlinkat %s %s %s", show(target), text, show(name)), func(s *side) outcome {
			return answer(s.core.Symlinkat(target, dir(s), name))
		}})
	}
	t[posix.OpUnlinkat] = func(g *generator) {
		text, dir := g.dir()
		name, flags := g.name(), pick(g, 0, 0, 0, 0, 0, 0, unix.AT_REMOVEDIR, unix.AT_REMOVEDIR, 1)
		switch {
		case flags == unix.AT_REMOVEDIR && g.chance(60):
			name = pick(g, "d", "e", "d/b", "f", "g")
		case flags == 0 && g.chance(60):
			name = pick(g, "a", "b", "c", "s", "d/a")
		}
		g.do(step{posix.OpUnlinkat, fmt.Sprintf("unlinkat %s %s %#x", text, show(name), flags), func(s *side) outcome {
			return answer(s.core.Unlinkat(dir(s), name, flags))
		}})
	}
	t[posix.OpRenameat2] = func(g *generator) {
		t1, d1 := g.dir()
		t2, d2 := g.dir()
		from, to, flags := pick(g, "a", "b", "c", "s", g.name()), g.fresh(), pick[uint32](g, 0, 0, 0, 0, 0, 0, unix.RENAME_NOREPLACE, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE, 3, 1<<9)
		g.do(step{posix.OpRenameat2, fmt.Sprintf("renameat2 %s %s %s %s %d", t1, show(from), t2, show(to), flags), func(s *side) outcome {
			return answer(s.core.Renameat2(posix.Rename{OldDir: d1(s), OldPath: from, NewDir: d2(s), NewPath: to, Flags: flags}))
		}})
	}
	t[posix.OpLinkat] = func(g *generator) {
		t1, d1 := g.dir()
		t2, d2 := g.dir()
		from, to, flags := pick(g, "a", "b", "c", g.name()), g.fresh(), g.flags(unix.AT_SYMLINK_FOLLOW, unix.AT_EMPTY_PATH)
		g.do(step{posix.OpLinkat, fmt.Sprintf("linkat %s %s %s %s %#x", t1, show(from), t2, show(to), flags), func(s *side) outcome {
			return answer(s.core.Linkat(posix.Link{OldDir: d1(s), OldPath: from, NewDir: d2(s), NewPath: to, Flags: flags}))
		}})
	}
	t[posix.OpFchmodat] = func(g *generator) {
		text, dir := g.dir()
		name, mode := g.name(), g.mode()
		g.do(step{posix.OpFchmodat, fmt.Sprintf("fchmodat %s %s %#o", text, show(name), mode), func(s *side) outcome {
			return answer(s.core.Fchmodat(dir(s), name, mode))
		}})
	}
	t[posix.OpFchownat] = func(g *generator) {
		text, dir := g.dir()
		name, uid, gid, flags := g.name(), g.uid(), posix.GID(g.uid()), g.flags(unix.AT_EMPTY_PATH, unix.AT_SYMLINK_NOFOLLOW)
		g.do(step{posix.OpFchownat, fmt.Sprintf("fchownat %s %s %d:%d %#x", text, show(name), int32(uid), int32(gid), flags), func(s *side) outcome {
			return answer(s.core.Fchownat(posix.Chown{Dir: dir(s), Path: name, UID: uid, GID: gid, Flags: flags}))
		}})
	}
	t[posix.OpGetdents] = func(g *generator) {
		fd, size := g.fd(directory), pick(g, 4096, 4096, 4096, 10, 0)
		g.do(step{posix.OpGetdents, fmt.Sprintf("getdents %d %d", fd, size), func(s *side) outcome {
			b := make([]byte, size)
			n, err := s.core.Getdents(fd, b)
			var st posix.Stat
			if s.core.Fstat(fd, &st) == nil && s.isRoot(&st) {
				return answer(err)
			}
			return answer(err, entries(b[:max(n, 0)]))
		}})
	}
	t[posix.OpFtruncate] = func(g *generator) {
		fd, size := g.fd(file|memfd), pick[int64](g, 0, 1, 100, 8192, -1)
		g.do(step{posix.OpFtruncate, fmt.Sprintf("ftruncate %d %d", fd, size), func(s *side) outcome { return answer(s.core.Ftruncate(fd, size)) }})
	}
	t[posix.OpFcntl] = genFcntl
	t[posix.OpDup3] = func(g *generator) {
		h := g.handle(any_)
		to, flags := pick(g, posix.FD(60+g.rng.IntN(8)), g.fd(any_)), g.flags(unix.O_CLOEXEC, 1)
		o := g.do(step{posix.OpDup3, fmt.Sprintf("dup3 %d %d %#x", h.fd, to, flags), func(s *side) outcome {
			return answer(s.core.Dup3(h.fd, to, flags))
		}})
		if o.Errno == 0 {
			g.closed(to)
			h.fd = to
			g.handles = append(g.handles, h)
		}
	}
	t[posix.OpPipe2] = func(g *generator) {
		flags := unix.O_NONBLOCK | g.flags(unix.O_CLOEXEC, unix.O_DIRECT)
		if g.chance(5) {
			flags = 1
		}
		o := g.do(step{posix.OpPipe2, fmt.Sprintf("pipe2 %#x", flags), func(s *side) outcome {
			r, w, err := s.core.Pipe2(flags)
			return made(err, r, w)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: pipeReader, peer: o.fds[1]}, handle{fd: o.fds[1], kind: pipeWriter, peer: o.fds[0]})
		}
	}
	t[posix.OpTee] = func(g *generator) {
		if g.chance(60) {
			g.fillPipe()
		}
		in, out, size := g.handle(pipeReader), g.handle(pipeWriter), pick(g, 1, 100, 70000, 0)
		if in.peer == out.fd && g.chance(80) { // both ends of one pipe are EINVAL
			g.generate(posix.OpPipe2)
			out = g.handle(pipeWriter)
		}
		g.do(step{posix.OpTee, fmt.Sprintf("tee %d %d %d", in.fd, out.fd, size), func(s *side) outcome {
			return answer2(s.core.Tee(in.fd, out.fd, size, unix.SPLICE_F_NONBLOCK))
		}})
	}
	t[posix.OpFsync] = func(g *generator) {
		fd := g.fd(file | directory | memfd)
		g.do(step{posix.OpFsync, fmt.Sprintf("fsync %d", fd), func(s *side) outcome { return answer(s.core.Fsync(fd)) }})
	}
	t[posix.OpFaccessat2] = func(g *generator) {
		text, dir := g.dir()
		name, mode, flags := g.name(), pick(g, 0, 1, 2, 4, 7, 8), g.flags(unix.AT_EACCESS, unix.AT_EMPTY_PATH, unix.AT_SYMLINK_NOFOLLOW)
		g.do(step{posix.OpFaccessat2, fmt.Sprintf("faccessat2 %s %s %d %#x", text, show(name), mode, flags), func(s *side) outcome {
			return answer(s.core.Faccessat2(dir(s), name, mode, flags))
		}})
	}
	t[posix.OpFlock] = func(g *generator) {
		fd, how := g.fd(file|directory|memfd), pick(g, unix.LOCK_SH, unix.LOCK_EX, unix.LOCK_UN, 0, 3)|unix.LOCK_NB
		g.do(step{posix.OpFlock, fmt.Sprintf("flock %d %d", fd, how), func(s *side) outcome { return answer(s.core.Flock(fd, how)) }})
	}
	t[posix.OpUtimensat] = func(g *generator) {
		text, dir := g.dir()
		name, flags := g.name(), g.flags(unix.AT_EMPTY_PATH, unix.AT_SYMLINK_NOFOLLOW)
		u := posix.Utimes{Atime: g.time(), Mtime: g.time(), Flags: flags}
		g.do(step{posix.OpUtimensat, fmt.Sprintf("utimensat %s %s %v %v %#x", text, show(name), u.Atime, u.Mtime, flags), func(s *side) outcome {
			u := u
			u.Dir, u.Path = dir(s), name
			return answer(s.core.Utimensat(u))
		}})
	}
	t[posix.OpFstatfs] = func(g *generator) {
		fd := g.fd(file | directory | pipeReader | memfd)
		g.do(step{posix.OpFstatfs, fmt.Sprintf("fstatfs %d", fd), func(s *side) outcome {
			var st posix.Statfs
			err := s.core.Fstatfs(fd, &st)
			return answer(err, fmt.Sprintf("%#x", st.Type), st.Namelen)
		}})
	}
	t[posix.OpUmask] = func(g *generator) {
		mask := pick[uint32](g, 0o022, 0, 0o077, 0o7777)
		g.do(step{posix.OpUmask, fmt.Sprintf("umask %#o", mask), func(s *side) outcome {
			old, err := s.core.Umask(mask)
			return answer(err, fmt.Sprintf("%#o", old))
		}})
	}
}

func genOpenat2(g *generator) {
	text, dir := g.dir()
	name := g.name()
	flags := pick(g, unix.O_RDONLY, unix.O_RDWR, unix.O_RDWR|unix.O_CREAT, unix.O_RDWR|unix.O_CREAT, unix.O_WRONLY|unix.O_CREAT, unix.O_PATH, 3)
	flags |= unix.O_NONBLOCK | g.flags(unix.O_CLOEXEC, unix.O_APPEND) | pick(g, 0, 0, 0, unix.O_TRUNC, unix.O_EXCL, unix.O_NOFOLLOW)
	switch {
	case g.chance(15):
		flags = unix.O_DIRECTORY | pick(g, unix.O_RDONLY, unix.O_PATH) | unix.O_NONBLOCK&g.flags(unix.O_NONBLOCK)
		name = pick(g, ".", "d", "e", name)
	case g.chance(5):
		flags, name = unix.O_TMPFILE|unix.O_RDWR, "."
	case g.chance(2):
		flags |= 1 << 40
	}
	how := posix.OpenHow{Flags: uint64(flags)}
	if flags&unix.O_PATH != 0 {
		how.Flags &^= unix.O_NONBLOCK | unix.O_APPEND | unix.O_TRUNC | unix.O_EXCL
	}
	if flags&(unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY) != 0 || g.chance(2) {
		how.Mode = uint64(g.mode())
	}
	how.Resolve = uint64(pick(g, 0, 0, 0, unix.RESOLVE_BENEATH, unix.RESOLVE_IN_ROOT, unix.RESOLVE_NO_SYMLINKS, unix.RESOLVE_NO_XDEV,
		unix.RESOLVE_NO_MAGICLINKS, 1<<9*g.rng.IntN(2)))
	o := g.do(step{posix.OpOpenat2, fmt.Sprintf("openat2 %s %s flags=%#x mode=%#o resolve=%#x", text, show(name), how.Flags, how.Mode, how.Resolve), func(s *side) outcome {
		fd, err := s.core.Openat2(dir(s), name, how)
		return made(err, fd)
	}})
	if o.Errno != 0 {
		return
	}
	h := handle{fd: o.fds[0], kind: file}
	var st posix.Stat
	switch err := g.run.a.core.Fstat(h.fd, &st); {
	case err != nil:
	case st.Mode&unix.S_IFMT == unix.S_IFDIR && how.Flags&unix.O_PATH != 0:
		h.kind = pathDirectory
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		h.kind = directory
	case how.Flags&unix.O_PATH != 0:
		h.kind = opath
	}
	g.opened(o, h)
}

func genFcntl(g *generator) {
	fd, cmd, arg := g.fd(any_), 0, 0
	switch g.rng.IntN(9) {
	case 0:
		cmd, arg = unix.F_DUPFD_CLOEXEC, pick(g, 0, 50, -1, 1<<30)
	case 1:
		cmd = unix.F_GETFD
	case 2:
		cmd, arg = unix.F_SETFD, pick(g, 0, 1)
	case 3:
		cmd = unix.F_GETFL
	case 4:
		cmd, arg = unix.F_SETFL, unix.O_NONBLOCK|g.flags(unix.O_APPEND)
	case 5:
		cmd, arg = unix.F_ADD_SEALS, g.flags(unix.F_SEAL_SHRINK, unix.F_SEAL_GROW, unix.F_SEAL_WRITE, unix.F_SEAL_SEAL, 1<<20)
		fd = pick(g, fd, g.fd(memfd))
	case 6:
		cmd = unix.F_GET_SEALS
		fd = pick(g, fd, g.fd(memfd))
	case 7:
		cmd, arg = unix.F_SETPIPE_SZ, pick(g, 4096, 65536, 0, 5000)
		fd = pick(g, fd, g.fd(pipeWriter))
	case 8:
		cmd = 4711
	}
	var source handle
	for _, h := range g.handles {
		if h.fd == fd {
			source = h
		}
	}
	o := g.do(step{posix.OpFcntl, fmt.Sprintf("fcntl %d %d %#x", fd, cmd, arg), func(s *side) outcome {
		n, err := s.core.Fcntl(fd, cmd, arg)
		if cmd == unix.F_DUPFD_CLOEXEC {
			return made(err, posix.FD(n))
		}
		return answer(err, fmt.Sprintf("%#x", n))
	}})
	if cmd == unix.F_DUPFD_CLOEXEC && o.Errno == 0 {
		source.fd = o.fds[0]
		g.opened(o, source)
	}
}
