package differential

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// side is one of the two implementations in the course of one program.
type side struct {
	core    posix.Core
	dir     posix.FD // the directory that programs work in
	symbols map[string]string
	memory  map[int][]byte // mappings, by their number in the program
	pids    map[int]posix.PID
	pidfds  map[int]posix.FD
	ready   posix.FD // an eventfd to which children write when they run; 0: clone3 returns no earlier than that
	shared  bool     // terminals are those of the whole machine
}

func newSide(core posix.Core) *side {
	return &side{
		core: core, dir: dirFD, symbols: map[string]string{}, memory: map[int][]byte{}, pids: map[int]posix.PID{}, pidfds: map[int]posix.FD{},
	}
}

// symbol returns a name for a value that need not be the same on both sides: the first of its kind is "pid#0" on either.
func (s *side) symbol(kind string, value any) string {
	key := fmt.Sprint(kind, value)
	name, ok := s.symbols[key]
	if !ok {
		n := 0
		for _, other := range s.symbols {
			if len(other) > len(kind) && other[:len(kind)+1] == kind+"#" {
				n++
			}
		}
		name = fmt.Sprintf("%s#%d", kind, n)
		s.symbols[key] = name
	}
	return name
}

// isRoot tells whether a file is the root directory.
func (s *side) isRoot(st *posix.Stat) bool {
	var root posix.Stat
	return s.core.Fstatat(posix.AtFDCWD, "/", &root, 0) == nil && st.Dev == root.Dev && st.Ino == root.Ino
}

func (s *side) pid(p posix.PID) string {
	if p <= 0 {
		return fmt.Sprint(int(p))
	}
	return s.symbol("pid", p)
}

// stat describes a file. What is in the root directory is not the programs' work, so only its identity and its mode count. Times only count when somebody set them: programs set times in the first two hours of 1970.
func (s *side) stat(st *posix.Stat) string {
	const firstTerminals = 136 // UNIX98_PTY_SLAVE_MAJOR
	size, id := st.Size, [2]uint64{st.Dev, st.Ino}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if s.isRoot(st) {
			return fmt.Sprintf("%s %s mode=%#o", s.symbol("dev", st.Dev), s.symbol("ino", id), st.Mode)
		}
		size = 0 // each file system has its own idea of it
	}
	if s.shared && st.Mode&unix.S_IFMT == unix.S_IFCHR {
		// Which number a terminal has, what mode it gets, and where the device is that makes them, is up to the machine.
		return fmt.Sprintf("%s %s nlink=%d uid=%d gid=%d", s.symbol("terminal", st.Rdev), s.symbol("ino", [2]uint64{st.Dev, st.Ino}), st.Nlink, st.UID, st.GID)
	}
	at := func(t posix.Timespec) string {
		if t.Sec < 7200 {
			return fmt.Sprintf("%d.%09d", t.Sec, t.Nsec)
		}
		return "now"
	}
	rdev := fmt.Sprint(st.Rdev)
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && unix.Major(st.Rdev) == firstTerminals {
		rdev = s.symbol("terminal", st.Rdev) // Linux gives the number of one that was closed back when it has time
	}
	return fmt.Sprintf("%s %s mode=%#o nlink=%d uid=%d gid=%d rdev=%s size=%d atime=%s mtime=%s",
		s.symbol("dev", st.Dev), s.symbol("ino", id),
		st.Mode, st.Nlink, st.UID, st.GID, rdev, size, at(st.Atime), at(st.Mtime))
}

// address describes a socket address. Ports and the names that autobind chooses are symbols.
func (s *side) address(a posix.Sockaddr) string {
	switch a.Family {
	case unix.AF_INET, unix.AF_INET6:
		port := "0"
		if a.Addr.Port() != 0 {
			port = s.symbol("port", a.Addr.Port())
		}
		return a.Addr.Addr().String() + ":" + port
	case unix.AF_UNIX:
		if len(a.Path) == 6 && a.Path[0] == '@' {
			return s.symbol("abstract", a.Path)
		}
	}
	return a.String()
}

// outcome is the answer to a call, in words that are the same on both sides when the answers are.
type outcome struct {
	Errno posix.Errno
	Text  string
	fds   []posix.FD // descriptors that were made
}

func (o outcome) String() string {
	switch {
	case o.Errno == broken:
		return o.Text
	case o.Errno != 0:
		return unix.ErrnoName(o.Errno)
	}
	return o.Text
}

// made makes an outcome of descriptors that were made. Both sides number them alike.
func made(err error, fds ...posix.FD) outcome {
	o := answer(err, fds)
	if err == nil {
		o.fds = fds
	}
	return o
}

// broken is the Errno of an answer that is none.
const broken = ^posix.Errno(0)

// answer makes an outcome of an error and, when it is nil, of words.
func answer(err error, words ...any) outcome {
	if err != nil {
		errno, ok := err.(posix.Errno)
		if !ok {
			return outcome{Errno: broken, Text: "an error that is no errno: " + err.Error()}
		}
		return outcome{Errno: errno}
	}
	if len(words) == 0 {
		return outcome{Text: "done"}
	}
	return outcome{Text: fmt.Sprintln(words...)[:len(fmt.Sprintln(words...))-1]}
}
