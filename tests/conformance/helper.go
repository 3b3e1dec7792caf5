package conformance

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// helperName is the name, argv[0], by which a test binary knows that it is the helper.
const helperName = "conformance-helper"

// Helper is the program that children of cases run, on every implementation. argv[1] says what to do, and the result is the exit status:
//
//	exit N        ends with status N
//	wait          waits until a signal ends it
//	read FD       reads one byte and ends with its value; 100 at the end of the file, 101 for an error
//	write FD TEXT writes TEXT
//	errno FD      reads one byte and ends with the errno, 0 for none
//	ids FD        writes its number and those of its parent, group and session, and waits
//	who FD        writes its users, its groups, and whether it may change users: permitted and effective
//	spawn EXE FD  starts a child that has FD and waits, writes a byte to FD, and waits
//	exec PATH ARG…  executes another program, and ends with the errno
func Helper(core posix.Core, argv []string) int {
	if len(argv) < 2 {
		return 120
	}
	number := func(i int) int {
		if i >= len(argv) {
			return -1
		}
		n, err := strconv.Atoi(argv[i])
		if err != nil {
			return -1
		}
		return n
	}
	switch argv[1] {
	case "exit":
		return number(2)
	case "wait":
		for {
			_, _ = core.Ppoll(nil, nil)
		}
	case "read":
		b := make([]byte, 1)
		n, err := core.Read(posix.FD(number(2)), b)
		switch {
		case err != nil:
			return 101
		case n == 0:
			return 100
		}
		return int(b[0])
	case "write":
		n, err := core.Write(posix.FD(number(2)), []byte(argv[3]))
		if err != nil || n != len(argv[3]) {
			return 101
		}
		return 0
	case "errno":
		_, err := core.Read(posix.FD(number(2)), make([]byte, 1))
		if errno, ok := err.(unix.Errno); ok {
			return int(errno)
		}
		return 0
	case "ids":
		pgid, _ := core.Getpgid(0)
		sid, _ := core.Getsid(0)
		_, _ = core.Write(posix.FD(number(2)), fmt.Appendln(nil, core.Getpid(), core.Getppid(), pgid, sid))
		for {
			_, _ = core.Ppoll(nil, nil)
		}
	case "who":
		var u posix.Uids
		var g posix.Gids
		var c posix.CapSets
		_, _, _ = core.Getresuid(&u), core.Getresgid(&g), core.Capget(&c)
		_, _ = core.Write(posix.FD(number(2)), fmt.Append(nil, u, g, c.Permitted>>unix.CAP_SETUID&1, c.Effective>>unix.CAP_SETUID&1))
		return 0
	case "spawn":
		exe, err := core.Openat2(posix.AtFDCWD, argv[2], posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
		if err != nil {
			return 123
		}
		program := helperProgram(builder{}, exe, []posix.FD{posix.FD(number(3))}, []string{"wait"})
		if _, err := core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program}); err != nil {
			return 124
		}
		_, _ = core.Write(posix.FD(number(3)), []byte{0})
		for {
			_, _ = core.Ppoll(nil, nil)
		}
	case "exec":
		if errno, ok := core.Execve(argv[2], argv[3:], nil).(unix.Errno); ok {
			return int(errno)
		}
		return 122
	}
	return 121
}
