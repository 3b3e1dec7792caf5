package sandbox

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// builder puts the steps of a module together, in the order of the launch.
type builder struct {
	*program.Builder
	c *compiler
	// fds of prepared descriptors
	proc, ruleset int
	// apart: the network namespace is made by another process meanwhile.
	apart bool
}

// heldKinds are the namespaces that the init of a pid namespace is born into or makes, and holds for the module: the module enters them. The
// others are the module's own work. A cgroup namespace shows the group that its maker is in, and a user namespace comes last.
const heldKinds = unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET

func (c *compiler) builder() *builder {
	return &builder{Builder: program.NewBuilder(c.module.Name, c.Policy.File), c: c, proc: -1, ruleset: -1}
}

func origin(pos policy.Pos) program.Origin {
	return program.Origin{File: pos.File, Line: pos.Line, Col: pos.Col}
}

// everyModule is the origin of steps that no line of a policy asks for.
var everyModule program.Origin

// firstOf is the origin of a list: its first element.
func firstOf[T any](list []policy.Value[T]) program.Origin {
	if len(list) == 0 {
		return everyModule
	}
	return origin(list[0].Pos)
}

// build makes the launch program of the module itself.
//
// With a pid namespace, init is what launches its init, and holds the other namespaces.
func (c *compiler) build(r root, f Filter, init *builder) *program.Program {
	b := c.builder()
	b.session()
	b.detach()
	if init != nil {
		b.enterNamespaces(init)
	} else {
		b.makeNamespaces(r)
	}
	b.unshare(^policy.Namespace(heldKinds | unix.CLONE_NEWUSER | unix.CLONE_NEWPID))
	b.descriptors()
	b.attributes()
	// Maps of users are files that the child opens. Below a small limit it finds no free number, because the spawner's descriptors stay
	// open until the exec.
	late := func(l policy.Rlimit) bool { return l.Resource == unix.RLIMIT_NOFILE && b.needsMaps() }
	b.limits(func(l policy.Rlimit) bool { return !late(l) })
	if b.needsMaps() {
		b.proc = b.Add(program.Prepare{Kind: program.HostPath, Path: "/proc", Directory: true})
	}
	b.privileges()
	b.limits(late)
	b.dieWithParent()
	b.readBack()
	b.workingDir()
	argv, env := b.arguments(c.argv), b.environment()
	b.call(everyModule, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"), program.Int(1),
		program.Int(0), program.Int(0), program.Int(0))
	if b.ruleset >= 0 {
		b.call(origin(c.module.Pos), "landlock_restrict_self", unix.SYS_LANDLOCK_RESTRICT_SELF, program.FD(b.ruleset, "ruleset"), program.Int(0))
	}
	b.seccomp(origin(c.module.Seccomp.Pos), f)
	b.exec(f, program.Const(uint64(atFDCWD), "AT_FDCWD"), b.String(c.program), argv, env, program.Int(0), c.commandOrigin())
	b.Listeners = len(c.module.Listeners)
	for _, fd := range c.Descriptors {
		b.Listeners = max(b.Listeners, fd-2)
	}
	return &b.Program
}

const atFDCWD = ^uint64(99) // AT_FDCWD, -100

func (c *compiler) commandOrigin() program.Origin {
	if len(c.Command) > 0 {
		return everyModule
	}
	return firstOf(c.module.Command)
}

func (b *builder) call(o program.Origin, name string, number uint32, args ...program.Value) *program.Step {
	return b.Call(o, name, number, args...)
}

// dieWithParent has the kernel end the process with the thread that made it. A change of user or of capabilities takes that back, so it is done before
// everything that takes its time, and again after that. Source: PR_SET_PDEATHSIG(2const), commit_creds in kernel/cred.c.
func (b *builder) dieWithParent() {
	b.call(everyModule, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"), program.Const(uint64(unix.SIGKILL), "SIGKILL"))
}

// session begins a program: it starts a new session and undoes what the spawner's runtime did to signals.
func (b *builder) session() {
	b.call(everyModule, "setsid", unix.SYS_SETSID)
	b.dieWithParent()
	b.call(everyModule, "umask", unix.SYS_UMASK, program.Const(0o022, "022"))
	// CLONE_CLEAR_SIGHAND leaves what is ignored ignored.
	act := b.Words(0, 0, 0, 0)
	for sig := 1; sig <= 64; sig++ {
		if b.c.facts.SigIgn>>(sig-1)&1 == 1 {
			b.call(everyModule, "rt_sigaction", unix.SYS_RT_SIGACTION, program.Int(sig), program.At(act, "{SIG_DFL}"), program.Null(), program.Int(8))
		}
	}
	none := b.Words(0)
	b.call(everyModule, "rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, program.Const(unix.SIG_SETMASK, "SIG_SETMASK"),
		program.At(none, "[]"), program.Null(), program.Int(8))
}

// makeNamespaces makes those of heldKinds, and what is in them. The pid namespace is the child's from birth.
func (b *builder) makeNamespaces(r root) {
	if b.c.seeded() {
		seed := b.Add(program.Prepare{Kind: program.Seed})
		b.call(firstOf(b.c.module.Namespaces), "setns", unix.SYS_SETNS, program.FD(seed, "seed"), program.Const(unix.CLONE_NEWNS, "CLONE_NEWNS"))
	}
	kinds := policy.Namespace(heldKinds)
	if b.apart {
		kinds &^= unix.CLONE_NEWNET
	}
	b.unshare(kinds)
	if !b.apart && b.c.has(unix.CLONE_NEWNET) && b.c.module.Network.V == policy.NetworkLoopback {
		b.LoopbackUp(origin(b.c.module.Network.Pos))
	}
	if b.c.has(unix.CLONE_NEWNS) {
		b.root(r)
	}
	b.names()
}

// enterNamespaces enters those that the init of the pid namespace holds.
func (b *builder) enterNamespaces(init *builder) {
	if flags := b.flags(heldKinds); flags.Arg.Value != 0 {
		held := b.Add(program.Prepare{Kind: program.InitProcess})
		b.call(firstOf(b.c.module.Namespaces), "setns", unix.SYS_SETNS, program.FD(held, "init"), flags)
	}
	if init.ruleset >= 0 {
		b.ruleset = b.Add(program.Prepare{Kind: program.OfInit, From: init.ruleset, Origin: init.Program.Prepare[init.ruleset].Origin})
	}
}

// flags returns those of kinds that the module has.
func (b *builder) flags(kinds policy.Namespace) program.Value {
	var names []string
	var flags uint64
	for _, kind := range namespaceKinds {
		if kind.flag&kinds != 0 && b.c.has(kind.flag) {
			flags |= uint64(kind.flag)
			names = append(names, namespaceName(kind.name))
		}
	}
	return program.Const(flags, strings.Join(names, "|"))
}

// namespaceName is the name of the flag. Source: namespaces(7).
func namespaceName(kind string) string {
	switch kind {
	case "mount":
		return "CLONE_NEWNS"
	case "network":
		return "CLONE_NEWNET"
	}
	return "CLONE_NEW" + strings.ToUpper(kind)
}

// unshare makes those of kinds that the module has.
func (b *builder) unshare(kinds policy.Namespace) {
	if flags := b.flags(kinds); flags.Arg.Value != 0 {
		b.call(firstOf(b.c.module.Namespaces), "unshare", unix.SYS_UNSHARE, flags)
	}
}

// enterNetwork enters the namespace that another process makes meanwhile: that takes the kernel as long as all the rest.
func (b *builder) enterNetwork() {
	o := origin(b.c.module.Network.Pos)
	want := program.Prepare{Kind: program.Network, Origin: o}
	if b.c.module.Network.V == policy.NetworkLoopback {
		want.Path = program.WithLoopback
	}
	process, made := b.Add(want), b.Add(program.Prepare{Kind: program.NetworkMade, Origin: o})
	b.call(o, "read", unix.SYS_READ, program.FD(made, "network made"), program.At(b.Bytes([]byte{0}), "byte"), program.Int(1)).Keep(1)
	b.Expect(o, program.Kept(1, "finished network namespaces"), ^uint64(0), 1)
	b.call(o, "setns", unix.SYS_SETNS, program.FD(process, "network"), program.Const(unix.CLONE_NEWNET, "CLONE_NEWNET"))
}

// descriptors marks everything from 3 on to be closed by the exec, then puts what the module inherits in its place.
func (b *builder) descriptors() {
	b.call(everyModule, "close_range", unix.SYS_CLOSE_RANGE, program.Int(3), program.Const(uint64(^uint32(0)), "~0U"),
		program.Const(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"))
	for fd, name := range [...]string{"stdin", "stdout", "stderr"} {
		from := b.Add(program.Prepare{Kind: program.Stdio, From: fd})
		b.call(everyModule, "dup3", unix.SYS_DUP3, program.FD(from, name), program.Int(fd), program.Int(0))
	}
	for _, l := range b.c.module.Listeners {
		from := b.Add(program.Prepare{Kind: program.Listener, Path: l.Name, Origin: origin(l.Pos)})
		b.call(origin(l.Pos), "dup3", unix.SYS_DUP3, program.FD(from, "listener "+l.Name), program.Int(l.FD), program.Int(0))
		if b.c.module.ListenerProtocol.V == "nginx" {
			// nginx takes it as it is, from a former nginx that has set this (ngx_open_listening_sockets passes inherited ones over). Of two
			// that are woken for one connection, the one that comes too late would wait in accept(2), deaf to its other clients and to signals.
			b.call(origin(l.Pos), "fcntl", unix.SYS_FCNTL, program.Int(l.FD), program.Const(unix.F_SETFL, "F_SETFL"), program.Const(unix.O_NONBLOCK, "O_NONBLOCK"))
		}
	}
	for _, fd := range b.c.Descriptors {
		from := b.Add(program.Prepare{Kind: program.Listener, Path: program.Inherited(fd)})
		b.call(everyModule, "dup3", unix.SYS_DUP3, program.FD(from, "descriptor"), program.Int(fd), program.Int(0))
	}
	if b.c.Terminal {
		b.call(everyModule, "ioctl", unix.SYS_IOCTL, program.Int(0), program.Const(unix.TIOCSCTTY, "TIOCSCTTY"), program.Int(0))
	}
}

// Limits that a module gets when its policy does not say otherwise: no core dumps, and the traditional number of descriptors
// instead of the one that the spawner's runtime raised for itself.
var defaultRlimits = []policy.Rlimit{
	{Name: "core", Resource: unix.RLIMIT_CORE},
	{Name: "nofile", Resource: unix.RLIMIT_NOFILE, Soft: 1024, Hard: 1024},
}

// limits sets those limits that are wanted at this point.
func (b *builder) limits(wanted func(policy.Rlimit) bool) {
	own := map[int]bool{}
	for _, l := range b.c.module.Rlimits {
		own[l.Resource] = true
	}
	for _, l := range defaultRlimits {
		if !own[l.Resource] && wanted(l) {
			b.limit(everyModule, l)
		}
	}
	for _, l := range b.c.module.Rlimits {
		if wanted(l) {
			b.limit(origin(l.Pos), l)
		}
	}
}

func (b *builder) limit(o program.Origin, l policy.Rlimit) {
	show := func(n uint64) string {
		if n == ^uint64(0) {
			return "RLIM64_INFINITY"
		}
		return strconv.FormatUint(n, 10)
	}
	b.call(o, "prlimit64", unix.SYS_PRLIMIT64, program.Int(0), program.Const(uint64(l.Resource), "RLIMIT_"+strings.ToUpper(l.Name)),
		program.At(b.Words(l.Soft, l.Hard), "{"+show(l.Soft)+", "+show(l.Hard)+"}"), program.Null())
}

func (b *builder) workingDir() {
	dir := b.c.module.WorkingDir.V
	if dir == "" {
		dir = "/"
	}
	dir = path.Clean(dir)
	o := origin(b.c.module.WorkingDir.Pos)
	b.call(o, "chdir", unix.SYS_CHDIR, b.String(dir))
	if dir == "/" {
		return
	}
	// The descriptors are open until the exec, and /proc/self/fd leads to what they are, outside of the root as well: so may a link that
	// the module has made in a directory that it can write to (CVE-2024-21626). The kernel then says "(unreachable)" first: getcwd(2).
	at := b.Bytes(make([]byte, unix.PathMax))
	b.call(o, "getcwd", unix.SYS_GETCWD, program.At(at, "path"), program.Int(unix.PathMax))
	b.Expect(o, program.Word(at, "first character of the working directory"), 0xff, '/')
}

// seccomp loads a filter, where the kernel has filters.
func (b *builder) seccomp(o program.Origin, f Filter) {
	if !b.c.seccomp {
		return
	}
	at := b.Bytes(f.Program)
	for _, patch := range f.Cookie {
		b.Cookies = append(b.Cookies, at+uint32(patch))
	}
	fprog := b.Words(uint64(len(f.Program)/8), 0)
	b.Relocations = append(b.Relocations, posix.Relocation{At: fprog + 8, To: at})
	b.call(o, "seccomp", unix.SYS_SECCOMP, program.Const(unix.SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"), program.Int(0),
		program.At(fprog, fmt.Sprintf("{%d instructions}", len(f.Program)/8)))
}

// exec is the last step. The sixth argument means nothing to the kernel, but the filter compares it.
func (b *builder) exec(f Filter, dir, file, argv, env, flags program.Value, o program.Origin) {
	args := []program.Value{dir, file, argv, env, flags}
	if len(b.Cookies) > 0 {
		args = append(args, program.Value{Arg: posix.Arg{Kind: program.Cookie}, Text: "<exec once>"})
	}
	b.call(o, "execveat", unix.SYS_EXECVEAT, args...)
}

func (b *builder) arguments(argv []string) program.Value {
	at := make([]uint32, len(argv))
	quoted := make([]string, len(argv))
	for i, a := range argv {
		at[i], quoted[i] = uint32(b.String(a).Arg.Value), strconv.Quote(a)
	}
	return program.At(b.Pointers(at...), "["+strings.Join(quoted, ", ")+"]")
}

// environment adds the variables that hand listeners over and say whom to notify.
func (b *builder) environment() program.Value {
	c := b.c
	var at []uint32
	add := func(variable string) { at = append(at, uint32(b.String(variable).Arg.Value)) }
	for _, v := range c.env {
		add(v)
	}
	var names, fds []string
	for _, l := range c.module.Listeners {
		names, fds = append(names, l.Name), append(fds, strconv.Itoa(l.FD)+";")
	}
	switch {
	case len(names) == 0:
	case c.module.ListenerProtocol.V == "nginx":
		add("NGINX=" + strings.Join(fds, ""))
	default:
		add("LISTEN_FDS=" + strconv.Itoa(len(names)))
		add("LISTEN_FDNAMES=" + strings.Join(names, ":"))
		at = append(at, b.ownPID(firstListener(c.module), "LISTEN_PID"))
	}
	if c.notifies() {
		if !c.inheritsNotify() {
			add("NOTIFY_SOCKET=" + notifyPath)
		}
		if watchdog := c.module.Health.Watchdog; watchdog.V > 0 {
			add("WATCHDOG_USEC=" + strconv.FormatInt(watchdog.V.Microseconds(), 10))
			at = append(at, b.ownPID(origin(watchdog.Pos), "WATCHDOG_PID"))
		}
	}
	return program.At(b.Pointers(at...), fmt.Sprintf("/* %d variables */", len(at)))
}

// ownPID makes a variable with the number of the process, which only the child knows.
func (b *builder) ownPID(o program.Origin, name string) uint32 {
	variable := b.Bytes(append([]byte(name+"="), make([]byte, 24)...))
	b.call(o, "getpid", unix.SYS_GETPID).Keep(2)
	b.Decimal(o, program.Kept(2, "$2"), variable+uint32(len(name)+1), name)
	return variable
}

func firstListener(m *policy.Module) program.Origin { return origin(m.Listeners[0].Pos) }
