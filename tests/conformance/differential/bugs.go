package differential

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// bugs are mistakes that implementations make, planted to see that programs find them. Each wraps the other side.
var bugs = map[string]func(core posix.Core) posix.Core{
	"EAGAIN is read as the end of the file":       func(c posix.Core) posix.Core { return readAgain{c} },
	"dup3 onto itself does nothing":               func(c posix.Core) posix.Core { return dupSelf{c} },
	"O_APPEND is ignored by write":                func(c posix.Core) posix.Core { return noAppend{c} },
	"RENAME_NOREPLACE is ignored":                 func(c posix.Core) posix.Core { return replace{c} },
	"pread moves the offset":                      func(c posix.Core) posix.Core { return movingPread{c} },
	"a directory can be unlinked as a file":       func(c posix.Core) posix.Core { return unlinkDir{c} },
	"F_DUPFD_CLOEXEC forgets CLOEXEC":             func(c posix.Core) posix.Core { return dupLeaks{c} },
	"the umask is ignored by mkdirat":             func(c posix.Core) posix.Core { return mkdirMask{c} },
	"listen works on a socket that is connected":  func(c posix.Core) posix.Core { return listenAny{c} },
	"passed descriptors arrive without CLOEXEC":   func(c posix.Core) posix.Core { return rightsLeak{c} },
	"epoll_ctl adds twice":                        func(c posix.Core) posix.Core { return addTwice{c} },
	"an eventfd's counter is not reset by a read": func(c posix.Core) posix.Core { return stickyEvent{c} },
	"waitid reaps with WNOWAIT":                   func(c posix.Core) posix.Core { return waitReaps{c} },
	"a seal does not keep a memfd from growing":   func(c posix.Core) posix.Core { return noSeal{c} },
	"readlinkat answers 0 for what is no link":    func(c posix.Core) posix.Core { return readlinkZero{c} },
}

// Bugs returns the names of the bugs that can be planted.
func Bugs() []string {
	var names []string
	for name := range bugs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func bugByName(name string) (func(posix.Core) posix.Core, error) {
	if name == "" {
		return func(core posix.Core) posix.Core { return core }, nil
	}
	if bug, ok := bugs[name]; ok {
		return bug, nil
	}
	return nil, fmt.Errorf("no bug %q", name)
}

type readAgain struct{ posix.Core }

func (b readAgain) Read(fd posix.FD, p []byte) (int, error) {
	n, err := b.Core.Read(fd, p)
	if err == unix.EAGAIN {
		return 0, nil
	}
	return n, err
}

type dupSelf struct{ posix.Core }

func (b dupSelf) Dup3(from, to posix.FD, flags int) error {
	if err := b.Core.Dup3(from, to, flags); err != unix.EINVAL || from != to {
		return err
	}
	return nil
}

type noAppend struct{ posix.Core }

func (b noAppend) Write(fd posix.FD, p []byte) (int, error) {
	if flags, err := b.Core.Fcntl(fd, unix.F_GETFL, 0); err == nil && flags&unix.O_APPEND != 0 && len(p) > 0 {
		_, _ = b.Core.Fcntl(fd, unix.F_SETFL, flags&^unix.O_APPEND)
		defer func() { _, _ = b.Core.Fcntl(fd, unix.F_SETFL, flags) }()
	}
	return b.Core.Write(fd, p)
}

type replace struct{ posix.Core }

func (b replace) Renameat2(r posix.Rename) error {
	r.Flags &^= unix.RENAME_NOREPLACE
	return b.Core.Renameat2(r)
}

type movingPread struct{ posix.Core }

func (b movingPread) Pread(fd posix.FD, p []byte, off int64) (int, error) {
	n, err := b.Core.Pread(fd, p, off)
	if err == nil && n > 0 {
		_, _ = b.Core.Lseek(fd, off+int64(n), unix.SEEK_SET)
	}
	return n, err
}

type unlinkDir struct{ posix.Core }

func (b unlinkDir) Unlinkat(dir posix.FD, path string, flags int) error {
	err := b.Core.Unlinkat(dir, path, flags)
	if err == unix.EISDIR {
		return b.Core.Unlinkat(dir, path, unix.AT_REMOVEDIR)
	}
	return err
}

type dupLeaks struct{ posix.Core }

func (b dupLeaks) Fcntl(fd posix.FD, cmd, arg int) (int, error) {
	n, err := b.Core.Fcntl(fd, cmd, arg)
	if err == nil && cmd == unix.F_DUPFD_CLOEXEC {
		_, _ = b.Core.Fcntl(posix.FD(n), unix.F_SETFD, 0)
	}
	return n, err
}

type mkdirMask struct{ posix.Core }

func (b mkdirMask) Mkdirat(dir posix.FD, path string, mode uint32) error {
	old, err := b.Core.Umask(0)
	if err != nil {
		return b.Core.Mkdirat(dir, path, mode)
	}
	defer func() { _, _ = b.Core.Umask(old) }()
	return b.Core.Mkdirat(dir, path, mode)
}

type listenAny struct{ posix.Core }

func (b listenAny) Listen(fd posix.FD, backlog int) error {
	if err := b.Core.Listen(fd, backlog); err != unix.EINVAL {
		return err
	}
	return nil
}

type rightsLeak struct{ posix.Core }

func (b rightsLeak) Recvmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	return b.Core.Recvmsg(fd, m, flags&^unix.MSG_CMSG_CLOEXEC)
}

type addTwice struct{ posix.Core }

func (b addTwice) EpollCtl(epfd posix.FD, op int, fd posix.FD, event *posix.EpollEvent) error {
	err := b.Core.EpollCtl(epfd, op, fd, event)
	if err == unix.EEXIST {
		return nil
	}
	return err
}

type stickyEvent struct{ posix.Core }

func (b stickyEvent) Read(fd posix.FD, p []byte) (int, error) {
	n, err := b.Core.Read(fd, p)
	var st posix.Stat
	if err == nil && n == 8 && b.Core.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == 0 {
		_, _ = b.Core.Write(fd, p[:8])
	}
	return n, err
}

type waitReaps struct{ posix.Core }

func (b waitReaps) Waitid(idtype posix.IDType, id int, info *posix.WaitInfo, options int) error {
	return b.Core.Waitid(idtype, id, info, options&^unix.WNOWAIT)
}

type noSeal struct{ posix.Core }

func (b noSeal) Fcntl(fd posix.FD, cmd, arg int) (int, error) {
	if cmd == unix.F_ADD_SEALS {
		arg &^= unix.F_SEAL_GROW
	}
	return b.Core.Fcntl(fd, cmd, arg)
}

type readlinkZero struct{ posix.Core }

func (b readlinkZero) Readlinkat(dir posix.FD, path string, buf []byte) (int, error) {
	n, err := b.Core.Readlinkat(dir, path, buf)
	if err == unix.EINVAL {
		return 0, nil
	}
	return n, err
}
