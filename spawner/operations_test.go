package spawner

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// What the predicates say, call by call. Nothing is below that could answer, so what is allowed gets ENOSYS.
func TestOperations(t *testing.T) {
	k := posix.Core(restrict.New(posix.Unimplemented{}, Operations()))
	unixAt := func(path string) posix.Sockaddr { return posix.Sockaddr{Family: unix.AF_UNIX, Path: path} }
	tcp := posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:80")}
	open := func(dir posix.FD, path string, flags uint64, mode uint64) error {
		_, err := k.Openat2(dir, path, posix.OpenHow{Flags: flags, Mode: mode})
		return err
	}
	second := func(_ any, err error) error { return err }
	third := func(_, _ any, err error) error { return err }
	clone := func(flags uint64, sig posix.Signal) error {
		return second(k.Clone3(&posix.CloneArgs{Flags: flags, ExitSignal: sig, Program: &posix.Program{}}))
	}
	const cwd = posix.AtFDCWD
	for _, tt := range []struct {
		name    string
		allowed bool
		err     error
	}{
		{"a user namespace for the helper", true, open(cwd, "/proc/12/ns/user", unix.O_RDONLY, 0)},
		{"another namespace for the helper", false, open(cwd, "/proc/12/ns/mnt", unix.O_RDONLY, 0)},
		{"a user namespace by a link", false, open(cwd, "/proc/self/ns/user", unix.O_RDONLY, 0)},
		{"a user namespace to write to", false, open(cwd, "/proc/12/ns/user", unix.O_RDWR, 0)},
		{"read a policy", true, open(cwd, "/etc/bulkhead/web.yaml", unix.O_CLOEXEC, 0)},
		{"a path for a launch", true, open(cwd, "/usr", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)},
		{"for whoever is executed", false, open(cwd, "/etc/passwd", 0, 0)},
		{"a path for whoever is executed", false, open(cwd, "/usr", unix.O_PATH, 0)},
		{"write a file", false, open(cwd, "/etc/passwd", unix.O_WRONLY|unix.O_CLOEXEC, 0)},
		{"write one of a directory", false, open(5, "passwd", unix.O_RDWR|unix.O_CLOEXEC, 0)},
		{"empty a file", false, open(cwd, "/etc/passwd", unix.O_TRUNC|unix.O_CLOEXEC, 0)},
		{"make a file", false, open(cwd, "/etc/cron.d/x", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)},
		{"keep a plan", true, open(5, "0a1b", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)},
		{"keep a plan over another", false, open(5, "0a1b", unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)},
		{"keep a plan for all to see", false, open(5, "0a1b", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)},
		{"make a file below", false, open(5, "../x", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)},
		{"make a file without a name", false, open(cwd, "/tmp", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)},
		{"a limit", true, open(cwd, "/sys/fs/cgroup/a/memory.max", unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)},
		{"a limit of disks", true, open(cwd, "/sys/fs/cgroup/a/io.max", unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)},
		{"a weight of disks on version 1", true, open(cwd, "/sys/fs/cgroup/blkio/a/blkio.bfq.weight", unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)},
		{"processors", true, open(cwd, "/sys/fs/cgroup/a/cpuset.cpus", unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)},
		{"a group of version 1", true, open(cwd, "/sys/fs/cgroup/pids/a/tasks", unix.O_WRONLY|unix.O_CLOEXEC, 0)},
		{"a group's core", false, open(cwd, "/proc/sys/kernel/core_pattern", unix.O_WRONLY|unix.O_CLOEXEC, 0)},
		{"the terminal again", true, open(cwd, "/proc/self/fd/1", unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)},
		{"empty a descriptor's file", false, open(cwd, "/proc/self/fd/1", unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)},
		{"another process's descriptor", false, open(cwd, "/proc/self/fd/../../1/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)},

		{"duplicate", true, second(k.Fcntl(3, unix.F_DUPFD_CLOEXEC, 10))},
		{"duplicate for children", false, second(k.Fcntl(3, unix.F_DUPFD, 10))},
		{"let children have it", false, second(k.Fcntl(3, unix.F_SETFD, 0))},
		{"do not block", true, second(k.Fcntl(3, unix.F_SETFL, unix.O_NONBLOCK))},
		{"signal me", false, second(k.Fcntl(3, unix.F_SETFL, unix.O_ASYNC))},
		{"seal", true, second(k.Fcntl(3, unix.F_ADD_SEALS, unix.F_SEAL_WRITE))},
		{"a pipe", true, third(k.Pipe2(unix.O_CLOEXEC))},
		{"a pipe for children", false, third(k.Pipe2(0))},

		{"a directory", true, k.Mkdirat(cwd, "/sys/fs/cgroup/bulkhead", 0o755)},
		{"a directory for all", false, k.Mkdirat(cwd, "/tmp/x", 0o777)},
		{"remove a directory", true, k.Unlinkat(cwd, "/sys/fs/cgroup/bulkhead", unix.AT_REMOVEDIR)},
		{"remove a socket", true, k.Unlinkat(5, "web.sock", 0)},
		{"remove a file", false, k.Unlinkat(cwd, "/etc/passwd", 0)},
		{"remove a file elsewhere", false, k.Unlinkat(5, "/etc/passwd", 0)},
		{"put a socket into place", true, k.Renameat2(posix.Rename{OldDir: 5, OldPath: "a", NewDir: 5, NewPath: "b"})},
		{"move a file", false, k.Renameat2(posix.Rename{OldDir: 5, OldPath: "a", NewDir: cwd, NewPath: "/etc/passwd"})},
		{"a socket's mode", true, k.Fchmodat(cwd, "/proc/self/fd/7", 0o660)},
		{"set-user-id", false, k.Fchmodat(cwd, "/proc/self/fd/7", 0o4755)},
		{"the mode of a path", false, k.Fchmodat(cwd, "/etc/shadow", 0o644)},
		{"a socket's owner", true, k.Fchownat(posix.Chown{Dir: 7, Flags: unix.AT_EMPTY_PATH})},
		{"the owner of a path", false, k.Fchownat(posix.Chown{Dir: cwd, Path: "/etc/shadow"})},

		{"a socket", true, second(k.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))},
		{"a socket for children", false, second(k.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0))},
		{"netlink", false, second(k.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0))},
		{"packets", false, second(k.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0))},
		{"bind a port", true, k.Bind(3, tcp)},
		{"bind a path", true, k.Bind(3, unixAt("/run/web.sock"))},
		{"bind an abstract name", false, k.Bind(3, unixAt("@web"))},
		{"bind any name", false, k.Bind(3, unixAt(""))},
		{"ask a socket", true, k.Connect(3, unixAt("/run/web.sock"))},
		{"connect to the network", false, k.Connect(3, tcp)},
		{"dissolve a listener", false, k.Connect(3, posix.Sockaddr{})},
		{"shut a listener down", false, k.Shutdown(3, unix.SHUT_RDWR)},
		{"accept", false, third(k.Accept4(3, 0))},
		{"credentials with messages", true, k.SetsockoptInt(3, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)},
		{"a mark for the firewall", false, k.SetsockoptInt(3, unix.SOL_SOCKET, unix.SO_MARK, 1)},
		{"an option of the protocol", false, k.SetsockoptInt(3, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1)},
		{"a pair", true, third(k.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0))},
		{"a frame", true, second(k.Sendmsg(3, &posix.Msg{}, unix.MSG_NOSIGNAL))},
		{"a datagram to an address", false, second(k.Sendmsg(3, &posix.Msg{Addr: tcp}, 0))},
		{"receive", true, second(k.Recvmsg(3, &posix.Msg{}, 0))},
		{"receive descriptors", true, second(k.Recvmsg(3, &posix.Msg{Control: make([]byte, 24)}, unix.MSG_CMSG_CLOEXEC))},
		{"receive descriptors for children", false, second(k.Recvmsg(3, &posix.Msg{Control: make([]byte, 24)}, 0))},

		{"launch", true, clone(0, unix.SIGCHLD)},
		{"launch into a group", true, clone(unix.CLONE_INTO_CGROUP, unix.SIGCHLD)},
		{"an init", true, clone(unix.CLONE_NEWPID, unix.SIGCHLD)},
		{"a network", false, clone(unix.CLONE_NEWNET|unix.CLONE_FILES, 0)},
		{"a child beside us", true, second(k.Clone3(&posix.CloneArgs{Beside: true, ExitSignal: unix.SIGCHLD, Program: &posix.Program{}}))},
		{"a child beside us with our files", false, second(k.Clone3(&posix.CloneArgs{Beside: true, Flags: unix.CLONE_FILES, ExitSignal: unix.SIGCHLD,
			Program: &posix.Program{}}))},
		{"a sibling", false, clone(unix.CLONE_PARENT, unix.SIGCHLD)},
		{"lend a descriptor", true, clone(unix.CLONE_FILES, unix.SIGCHLD)},
		{"kill at the end", false, clone(0, unix.SIGKILL)},
		{"a child without a program", false, second(k.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD}))},
		{"wait for a child", true, k.Waitid(posix.PPidfd, 5, &posix.WaitInfo{}, unix.WEXITED)},
		{"wait for any child", false, k.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED)},
		{"end a module", true, k.PidfdSendSignal(5, unix.SIGTERM)},
		{"a real-time signal", true, k.PidfdSendSignal(5, 37)},
		{"freeze a module", false, k.PidfdSendSignal(5, unix.SIGSTOP)},
		{"no signal", false, k.PidfdSendSignal(5, 0)},
		{"a signal by number", false, k.Kill(1234, unix.SIGTERM)},
		{"enter a user namespace", true, k.Execve("/proc/self/fd/9", nil, nil)},
		{"execute", false, k.Execve("/bin/sh", nil, nil)},

		{"a copy of a mount", true, second(k.OpenTree(5, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH))},
		{"its attributes", true, k.MountSetattr(5, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY})},
		{"fewer attributes", false, k.MountSetattr(5, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Clear: unix.MOUNT_ATTR_RDONLY})},
		{"the host's mounts", false, k.MountSetattr(cwd, "/", 0, &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY})},
		{"mount", false, k.MoveMount(posix.Move{FromDir: 5, ToDir: cwd, ToPath: "/mnt"})},
		{"a tmpfs", true, second(k.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))},
		{"a disk", false, second(k.Fsopen("ext4", unix.FSOPEN_CLOEXEC))},
		{"a parameter", true, k.Fsconfig(posix.FsConfig{FS: 5, Cmd: unix.FSCONFIG_SET_STRING, Key: "size", Value: "4k"})},
		{"a descriptor as a parameter", false, k.Fsconfig(posix.FsConfig{FS: 5, Cmd: unix.FSCONFIG_SET_FD, Key: "fd"})},
		{"its mount", true, second(k.Fsmount(5, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV))},
		{"a mount with devices", false, second(k.Fsmount(5, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID))},
		{"enter a pid namespace", true, k.Setns(5, unix.CLONE_NEWPID)},
		{"enter any namespace", false, k.Setns(5, 0)},
		{"give a page of the program back", true, k.Madvise(0x1000, 0x1000, unix.MADV_DONTNEED)},
		{"empty a file in memory", false, k.Madvise(0x1000, 0x1000, unix.MADV_REMOVE)},
		{"a file in memory", true, second(k.MemfdCreate("bulkhead-init", unix.MFD_CLOEXEC))},
		{"its limit of open files", true, k.Prlimit(0, unix.RLIMIT_NOFILE, nil, &posix.Rlimit{})},
		{"another limit", false, k.Prlimit(0, unix.RLIMIT_CORE, &posix.Rlimit{}, nil)},
		{"a limit of somebody else", false, k.Prlimit(1, unix.RLIMIT_NOFILE, &posix.Rlimit{}, nil)},
		{"prctl", false, second(k.Prctl(posix.PrctlArgs{Op: unix.PR_SET_DUMPABLE, Arg2: 1}))},
		{"to end otherwise than at once with the parent", false, second(k.Prctl(posix.PrctlArgs{Op: unix.PR_SET_PDEATHSIG, Arg2: uint64(unix.SIGTERM)}))},
		{"less that its children may have", true, second(k.Prctl(posix.PrctlArgs{Op: unix.PR_CAPBSET_DROP, Arg2: unix.CAP_SYS_ADMIN}))},
		{"how exact timers are", true, second(k.Prctl(posix.PrctlArgs{Op: unix.PR_GET_TIMERSLACK}))},
	} {
		want := unix.ENOSYS
		if !tt.allowed {
			want = unix.EPERM
		}
		if !errors.Is(tt.err, want) || tt.allowed == errors.Is(tt.err, restrict.ErrDenied) {
			t.Errorf("%s: %v, want allowed: %v", tt.name, tt.err, tt.allowed)
		}
	}
}

// Every signal that a policy may name to stop a module must reach it, except those that would only freeze it.
func TestStopSignalsAreAllowed(t *testing.T) {
	k := restrict.New(posix.Unimplemented{}, Operations())
	freezing := []posix.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}
	accepted := 0
	for sig := posix.Signal(1); sig <= 64; sig++ {
		text := fmt.Sprintf("version: 1\nmodules:\n  a:\n    command: [/bin/true]\n    user: nobody\n    filesystem: [{path: /usr, access: rx}]\n"+
			"    seccomp: {allow: [read]}\n    stop_signal: %d\n", sig)
		if _, found := policy.Parse("a.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog()}); found.HasErrors() {
			continue
		}
		accepted++
		if err := k.PidfdSendSignal(3, sig); errors.Is(err, restrict.ErrDenied) != slices.Contains(freezing, sig) {
			t.Errorf("a policy may name signal %d, %v: %v", sig, sig, err)
		}
	}
	if accepted < 60 {
		t.Errorf("only %d signals are accepted in a policy", accepted)
	}
}

// ahead are operations on the list that nothing in the sources below asks for, each with its reason.
var ahead = map[string]string{
	"Sendmsg":           "frames to the manager",
	"Recvmsg":           "frames from the manager",
	"GetsockoptTCPInfo": "listeners that a module shut down are found by it",
}

// The list must have every operation that the spawner's sources call, and none that they do not: an operation that is given up
// is taken off the list.
func TestOperationsAreThoseInTheSources(t *testing.T) {
	spawnerCalls := callsIn(t, ".", "../sandbox/cgroup", "../sandbox/host")
	command := callsIn(t, "../cmd/supervisor") // the start of the process, and the manager, which goes by a list of its own
	rules := reflect.ValueOf(Operations())
	for _, op := range posix.Ops() {
		listed := !rules.FieldByName(op.Method()).IsNil()
		switch where := spawnerCalls[op.Method()]; {
		case where != "" && !listed:
			t.Errorf("%s is called in %s and is not on the list", op.Method(), where)
		case where == "" && command[op.Method()] == "" && listed && ahead[op.Method()] == "":
			t.Errorf("%s is on the list and nothing calls it", op.Method())
		}
	}
	if len(spawnerCalls) < 30 {
		t.Errorf("only %d operations are called: the test looks in the wrong place", len(spawnerCalls))
	}
}

// callsIn returns the methods of posix.Core that sources below some directories call, each with a place.
func callsIn(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	core := reflect.TypeFor[posix.Core]()
	calls := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			packages := []string{}
			for _, i := range f.Imports {
				packages = append(packages, strings.Trim(filepath.Base(i.Path.Value), `"`))
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(packages, x.Name) {
					return true // a function of a package, such as os.Getpid
				}
				if m, ok := core.MethodByName(sel.Sel.Name); ok && m.Type.NumIn() == len(call.Args) {
					calls[sel.Sel.Name] = fset.Position(call.Pos()).String()
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return calls
}
