package spawner

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/restrict"
)

// Operations returns what the spawner may ask of the system, from its first call on: reading policies, opening listeners, launching and ending
// modules, talking to its own processes. What is not here is denied, whatever becomes of the parts that call it. It is the process with the
// privileges, so this list is the first thing to read about it.
//
// Not here, on purpose:
//   - Accept4: it serves nobody. Shutdown: that would end a listener for all who hold it.
//   - Kill: a process number may have become another process; signals go through pidfds.
//   - Capget, MoveMount, Dup3, Symlinkat, Ftruncate: the children do what of this is needed, in their launch programs, or nobody does.
func Operations() restrict.Rules {
	return restrict.Rules{
		// Files. Everything is opened for this process alone (O_CLOEXEC); a child gets what its launch program names. Reading is not limited
		// by path: policies, facts of the host and what modules are to see lie anywhere. Writing is.
		Openat2:    restrict.Openat2(mayOpen),
		Close:      restrict.Allow,
		Read:       restrict.Allow,
		Write:      restrict.Allow,
		Pread:      restrict.Allow,
		Fstat:      restrict.Allow,
		Fstatat:    restrict.Allow,
		Fstatfs:    restrict.Allow,
		Readlinkat: restrict.Allow,
		Getdents:   restrict.Allow,
		Pipe2:      restrict.Pipe2(func(flags int) bool { return flags&unix.O_CLOEXEC != 0 }),
		Fcntl: restrict.Fcntl(func(_ posix.FD, cmd, arg int) bool {
			switch cmd {
			case unix.F_DUPFD_CLOEXEC, unix.F_ADD_SEALS, unix.F_GET_SEALS, unix.F_GETFD, unix.F_GETFL:
				return true
			case unix.F_SETFL:
				return arg&^(unix.O_NONBLOCK|unix.O_ACCMODE) == 0
			}
			return false
		}),

		// Names. Directories are made and removed for control groups and kept plans. Names of files (sockets of listeners, kept plans) are
		// changed only in a directory that was opened before, so that nobody can put another one in its place.
		Mkdirat: restrict.Mkdirat(func(_ posix.FD, _ string, mode uint32) bool { return mode&^0o755 == 0 }),
		Unlinkat: restrict.Unlinkat(func(dir posix.FD, p string, flags int) bool {
			return flags == unix.AT_REMOVEDIR || flags == 0 && within(dir, p)
		}),
		Renameat2: restrict.Renameat2(func(r posix.Rename) bool { return within(r.OldDir, r.OldPath) && within(r.NewDir, r.NewPath) }),
		// Mode and owner of a socket or of init's program, held by a descriptor; never set-user-id.
		Fchmodat: restrict.Fchmodat(func(_ posix.FD, p string, mode uint32) bool { return isOwnFD(p) && mode&^0o777 == 0 }),
		Fchownat: restrict.Fchownat(func(c posix.Chown) bool { return c.Path == "" && c.Flags == unix.AT_EMPTY_PATH }),

		// Listening sockets, and pairs to its own processes. It has no clients and is none on a network: it connects only to ask
		// whether somebody listens on a unix socket that is in the way of a listener.
		Socket: restrict.Socket(func(family, typ, _ int) bool {
			return (family == unix.AF_UNIX || family == unix.AF_INET || family == unix.AF_INET6) && typ&unix.SOCK_CLOEXEC != 0
		}),
		Bind: restrict.Bind(func(_ posix.FD, addr posix.Sockaddr) bool {
			return addr.Family == unix.AF_INET || addr.Family == unix.AF_INET6 || isUnixPath(addr)
		}),
		Listen:            restrict.Allow,
		Getsockname:       restrict.Allow,
		GetsockoptTCPInfo: restrict.Allow, // is it still listening, and how many wait
		SetsockoptInt: restrict.SetsockoptInt(func(_ posix.FD, level, option, _ int) bool {
			switch level {
			case unix.SOL_SOCKET:
				return option == unix.SO_REUSEADDR || option == unix.SO_PASSCRED
			case unix.IPPROTO_IPV6:
				return option == unix.IPV6_V6ONLY
			}
			return false
		}),
		Connect:    restrict.Connect(func(_ posix.FD, addr posix.Sockaddr) bool { return isUnixPath(addr) }),
		Socketpair: restrict.Socketpair(func(family, typ, _ int) bool { return family == unix.AF_UNIX && typ&unix.SOCK_CLOEXEC != 0 }),
		// Frames to and from the manager. Nothing is sent to an address, and what arrives is not inherited by children.
		Sendmsg: restrict.Sendmsg(func(_ posix.FD, m *posix.Msg, _ int) bool { return m.Addr.Family == unix.AF_UNSPEC }),
		Recvmsg: restrict.Recvmsg(func(_ posix.FD, m *posix.Msg, flags int) bool {
			return len(m.Control) == 0 || flags&unix.MSG_CMSG_CLOEXEC != 0
		}),

		// Children. They are waited for one by one, by pidfd. Signals to freeze a process are not sent: nothing here would ever let it go on.
		Clone3:    restrict.Clone3(mayClone),
		Waitid:    restrict.Waitid(func(idtype posix.IDType, _ int, _ *posix.WaitInfo, _ int) bool { return idtype == posix.PPidfd }),
		PidfdOpen: restrict.PidfdOpen(func(pid posix.PID, flags int) bool { return pid > 0 && flags == 0 }), // of what is left in a control group
		PidfdSendSignal: restrict.PidfdSendSignal(func(_ posix.FD, sig posix.Signal) bool {
			switch sig {
			case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
				return false
			}
			return sig > 0 && sig <= 64 // any other may be a module's stop_signal, or reach `supervisor exec` and be passed on
		}),
		// Only to enter a user namespace at the start (spawner/stage): a program in memory, which executes the supervisor again.
		Execve: restrict.Execve(func(p string, _, _ []string) bool { return isOwnFD(p) }),

		// What is made ahead of a launch: mounts that are attached nowhere, rules for files, files in memory. The thread that launches
		// enters the pid namespace of an instance for the child that it makes next, and no other namespace.
		OpenTree: restrict.OpenTree(func(_ posix.FD, _ string, flags uint32) bool { return flags&unix.OPEN_TREE_CLOEXEC != 0 }),
		MountSetattr: restrict.MountSetattr(func(_ posix.FD, p string, _ int, attr *posix.MountAttr) bool {
			return p == "" && attr.Clear == 0 && (attr.Propagation == 0 || attr.Propagation == unix.MS_PRIVATE)
		}),
		Fsopen: restrict.Fsopen(func(fsname string, flags uint32) bool { return fsname == "tmpfs" && flags&unix.FSOPEN_CLOEXEC != 0 }),
		Fsconfig: restrict.Fsconfig(func(c posix.FsConfig) bool {
			return c.Cmd == unix.FSCONFIG_SET_FLAG || c.Cmd == unix.FSCONFIG_SET_STRING || c.Cmd == unix.FSCONFIG_CMD_CREATE
		}),
		Fsmount: restrict.Fsmount(func(_ posix.FD, flags, attrs uint32) bool {
			const safe = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
			return flags&unix.FSMOUNT_CLOEXEC != 0 && attrs&safe == safe
		}),
		Setns: restrict.Setns(func(_ posix.FD, nstype int) bool { return nstype == unix.CLONE_NEWPID }),
		Prctl: restrict.Prctl(func(a posix.PrctlArgs) bool {
			switch a.Op {
			case unix.PR_GET_TIMERSLACK, unix.PR_SET_TIMERSLACK, unix.PR_CAPBSET_DROP: // less than it had
				return true
			}
			return a.Op == unix.PR_SET_PDEATHSIG && a.Arg2 == uint64(unix.SIGKILL)
		}),
		LandlockCreateRuleset: restrict.Allow,
		LandlockAddPathRule:   restrict.Allow,
		LandlockAddNetRule:    restrict.Allow,
		MemfdCreate:           restrict.MemfdCreate(func(name string, _ int) bool { return strings.HasPrefix(name, "bulkhead-") }),
		Getrandom:             restrict.Allow, // the secret of a launch, names

		// Pages of its own program, which can be read again. What a file or another process has is not changed by such advice.
		Madvise: restrict.Madvise(func(_, _ uintptr, advice int) bool {
			return advice == unix.MADV_DONTNEED || advice == unix.MADV_NOHUGEPAGE
		}),

		// The loop.
		EpollCreate1: restrict.EpollCreate1(func(flags int) bool { return flags&unix.EPOLL_CLOEXEC != 0 }),
		EpollCtl:     restrict.Allow,
		EpollWait:    restrict.Allow,
		Ppoll:        restrict.Allow,
		Eventfd2:     restrict.Eventfd2(func(_ uint32, flags int) bool { return flags&unix.EFD_CLOEXEC != 0 }),

		// Questions about itself and the host.
		Getpid:             restrict.Allow,
		Getppid:            restrict.Allow,
		Getuid:             restrict.Allow,
		Geteuid:            restrict.Allow,
		Getgid:             restrict.Allow,
		Getegid:            restrict.Allow,
		Uname:              restrict.Allow,
		LandlockABI:        restrict.Allow,
		SeccompActionAvail: restrict.Allow,
		// Its own limit of open files, which it may have to raise: each launch needs a dozen.
		Prlimit: restrict.Prlimit(func(pid posix.PID, resource int, _, _ *posix.Rlimit) bool {
			return pid == 0 && resource == unix.RLIMIT_NOFILE
		}),

		// The terminal of `supervisor exec`.
		PosixOpenpt:  restrict.Allow,
		Unlockpt:     restrict.Allow,
		OpenPeer:     restrict.Allow,
		Tcgetattr:    restrict.Allow,
		Tcsetattr:    restrict.Allow,
		Tcgetwinsize: restrict.Allow,
		Tcsetwinsize: restrict.Allow,
	}
}

// mayOpen: reading, anything. Writing: a new file in a directory that was opened before, a file of a control group, and once more a
// descriptor that it has (the terminal).
func mayOpen(dir posix.FD, p string, how posix.OpenHow) bool {
	switch {
	case how.Flags == unix.O_RDONLY && isUserNamespace(p): // for the program that enters it (spawner/stage)
		return true
	case how.Flags&unix.O_CLOEXEC == 0:
		return false
	case how.Flags&unix.O_CREAT != 0:
		return how.Flags&unix.O_EXCL != 0 && within(dir, p) && how.Mode&^0o600 == 0
	case how.Flags&unix.O_PATH != 0, how.Flags&(unix.O_ACCMODE|unix.O_TRUNC|unix.O_TMPFILE&^unix.O_DIRECTORY) == unix.O_RDONLY:
		return true
	}
	return isCgroupFile(p) || isOwnFD(p) && how.Flags&unix.O_TRUNC == 0
}

// mayClone: a launch, an init in a new pid namespace, the making of a network namespace ahead, and the doctor's trial of a user namespace.
// What the children do is in their programs.
func mayClone(args *posix.CloneArgs) bool {
	if args.Program == nil || args.ExitSignal != unix.SIGCHLD && args.ExitSignal != 0 {
		return false
	}
	if args.Beside { // it makes a network namespace
		return args.Flags == 0
	}
	switch args.Flags { // CLONE_FILES: it gives back the empty mount namespace that launches begin with
	case 0, unix.CLONE_INTO_CGROUP, unix.CLONE_NEWPID, unix.CLONE_FILES, unix.CLONE_NEWUSER:
		return true
	}
	return false
}

// within tells whether a path is one name in a directory that is open.
func within(dir posix.FD, p string) bool {
	return dir >= 0 && p != "" && p != "." && p != ".." && !strings.Contains(p, "/")
}

// isOwnFD tells whether a path is the one of a descriptor of this process.
func isOwnFD(p string) bool {
	n, ok := strings.CutPrefix(p, "/proc/self/fd/")
	return ok && n != "" && len(n) <= 10 && strings.Trim(n, "0123456789") == ""
}

// isUserNamespace tells whether a path is that of a process's user namespace.
func isUserNamespace(p string) bool {
	n, ok := strings.CutPrefix(p, "/proc/")
	n, ns := strings.CutSuffix(n, "/ns/user")
	return ok && ns && n != "" && len(n) <= 10 && strings.Trim(n, "0123456789") == ""
}

// isUnixPath tells whether an address is a unix socket in the file system, where permissions are checked.
func isUnixPath(addr posix.Sockaddr) bool {
	return addr.Family == unix.AF_UNIX && addr.Path != "" && addr.Path[0] != '@'
}

// isCgroupFile tells whether a path has the name of a file that controls a group.
func isCgroupFile(p string) bool {
	controller, file, ok := strings.Cut(path.Base(p), ".")
	switch controller {
	case "cgroup", "memory", "pids", "cpu", "cpuset", "freezer", "io", "blkio":
		return ok && file != "" && path.IsAbs(p)
	case "tasks":
		return !ok && path.IsAbs(p)
	}
	return false
}
