package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Filter is a seccomp program as bytes, ready to be loaded.
type Filter struct {
	Program []byte // struct sock_filter, eight bytes each
	// Cookie are the places in Program of the two halves, low first, of the exec-once value; nil when the filter allows exec by itself.
	Cookie []int
	// Detail is about the program, for the report; empty when there is nothing to say.
	Detail string
}

// Filters makes the seccomp programs.
type Filters interface {
	// Module returns the filter of a module. The execveat of the launch must pass it. It is called after the last question to the Host.
	Module(s policy.Seccomp) (Filter, error)
	// Init returns the filter of the init of a pid namespace: the calls named, and one execveat by the cookie.
	Init(calls []string) (Filter, error)
}

// Request is what [Compile] works on.
type Request struct {
	Policy  *policy.Policy
	Module  policy.Module
	Host    Host
	Filters Filters
	// Users are those of the other modules of the same plan, to which the module's is added; nil when there are no others.
	Users *Users
	// Command replaces the module's command when it is not empty, as `exec -- COMMAND` does. Without a slash it is
	// looked up along the module's PATH.
	Command []string
	// Environment is added to the module's, NAME=value; a variable that the module sets wins.
	Environment []string
	// Alone is for a module that nobody supervises, as `exec` runs one: it gets no socket to notify and to ask, and a healthcheck means nothing.
	Alone bool
	// KeepsUser is for a module that has the supervisor's own user for the kernel where that is an ordinary user, sub-ids or not: it tells users by their
	// numbers.
	KeepsUser bool
	// Terminal makes the standard input the controlling terminal of the module's session.
	Terminal bool
	// Descriptors are the numbers of further descriptors that the module inherits, each once and from 3 on. The launch has to give them
	// as listeners named by [program.Inherited].
	Descriptors []int
	// Trial is for calls that are made in the place of the command, which is not executed and need not be there. What the host lacks of the
	// filesystem list is left out, with a warning.
	Trial bool
}

// Compile makes the launch program of a module. Everything wrong with the module on this host is reported at once; the
// Result is nil when one of the diagnostics is an error.
func Compile(req Request) (*Result, policy.Diagnostics) {
	c := &compiler{Request: req, module: &req.Module, host: req.Host, facts: req.Host.Facts()}
	if c.Users == nil {
		c.Users = &Users{}
	}
	c.checkKernel()
	c.decideProtections()
	c.checkAttributes()
	c.identity()
	r := c.layout()
	c.command(r)
	c.workingDirectory(r)
	if c.problems.HasErrors() {
		return nil, c.problems
	}
	filter, err := req.Filters.Module(c.module.Seccomp)
	if err != nil {
		c.problem("E620", c.module.Seccomp.Pos, "the seccomp filter cannot be compiled: "+err.Error(), "")
		return nil, c.problems
	}
	c.describe(filter)
	res := &Result{User: c.user, Enforcement: c.enforcement, Resources: c.resources}
	var init *builder
	if c.has(unix.CLONE_NEWPID) {
		if init, err = c.buildInit(r); err != nil {
			c.problem("E620", c.module.Pos, "the filter of the namespace's init cannot be compiled: "+err.Error(), "")
			return nil, c.problems
		}
		res.Init = &init.Program
	}
	res.Program = c.build(r, filter, init)
	if !c.fits(res.Program) || res.Init != nil && !c.fits(res.Init) {
		return nil, c.problems
	}
	return res, c.problems
}

// fits refuses a launch that is greater than the spawner takes, as many or very deep paths make it.
func (c *compiler) fits(p *program.Program) bool {
	ok := len(p.Memory) <= program.MaxMemory && len(p.Steps) <= program.MaxSteps && len(p.Prepare) <= program.MaxPrepare &&
		len(p.Relocations) <= program.MaxRelocations
	if !ok {
		c.problem("E609", c.module.Pos, fmt.Sprintf("starting it takes %d system calls, %d opened paths and %d bytes of text; at most %d, %d and %d", len(p.Steps),
			len(p.Prepare), len(p.Memory), program.MaxSteps, program.MaxPrepare, program.MaxMemory), "list fewer paths in filesystem, and none that is so deep")
	}
	return ok
}

// compiler holds the decisions about one module.
type compiler struct {
	Request
	module      *policy.Module
	host        Host
	facts       host.Facts
	problems    policy.Diagnostics
	enforcement []Enforcement

	namespaces policy.Namespace // CLONE_NEW… flags, those that the host has
	user       User
	enforced   []policy.Resource // the limits that the host can enforce
	resources  []policy.Resource // these and the others, see [Result]
	keys       bool              // see usesKeys
	// mapped: the module's user is shown by a user namespace of its own, because this process is in one itself.
	mapped bool
	// becomes: the module's process becomes the module's user, which is another one for the kernel than this process's.
	becomes  bool
	landlock bool
	seccomp  bool
	program  string // what is executed: argv[0], looked up along PATH when it has no slash
	argv     []string
	env      []string
}

func (c *compiler) has(ns policy.Namespace) bool { return c.namespaces&ns != 0 }

// problem adds an error. What the policy does not write down, such as the namespaces that every module gets, is at the module.
func (c *compiler) problem(code string, pos policy.Pos, message, help string) {
	if pos.Line == 0 {
		pos = c.module.Pos
	}
	c.problems = append(c.problems, policy.Diagnostic{
		Code: code, Message: "module " + c.module.Name + ": " + message, Help: help, Pos: pos, Width: 1,
	})
}

func (c *compiler) hostError(pos policy.Pos, what string, err error) {
	c.problem("E600", pos, fmt.Sprintf("look at %s: %v", what, err), "")
}

// report adds a protection to the enforcement report.
func (c *compiler) report(name string, level Level, detail string) {
	c.enforcement = append(c.enforcement, Enforcement{name, level, detail})
}

// lacks records that the host cannot enforce a protection: a problem, unless best_effort names it.
func (c *compiler) lacks(name string, pos policy.Pos, why, enable string) {
	if c.accepts(name) {
		c.report(name, Missing, why+" (best_effort)")
		return
	}
	help := "or accept the loss: best_effort: [" + name + "]"
	if enable != "" {
		help = enable + "; " + help
	}
	c.problem("E610", pos, "this host cannot enforce "+name+": "+why, help)
}

// accepts tells whether the module may be started without a protection.
func (c *compiler) accepts(name string) bool {
	return slices.ContainsFunc(c.module.BestEffort, func(b policy.Value[string]) bool {
		return b.V == name || b.V == "resources" && slices.Contains(policy.ResourceKeys(), name)
	})
}

func (c *compiler) checkKernel() {
	want, have := c.Policy.Kernel.V, c.facts.Kernel
	if have.Before(want) {
		c.problem("E611", c.Policy.Kernel.Pos, fmt.Sprintf("the policy needs Linux %d.%d; this is %s", want.Major, want.Minor, c.facts.Release),
			"run it on a newer kernel, or lower kernel: after checking what the policy relies on")
	}
	if u := c.facts.UserNS; c.facts.Tried && u.Errno != 0 && !c.facts.Capabilities.Has(unix.CAP_SYS_ADMIN) {
		c.problem("E610", c.module.Pos, "without root a launch begins in a user namespace, which this host refuses: "+u.Errno.Error(), doctor+", or run it as root")
	}
	switch {
	case !c.facts.MountAPI && c.facts.SeccompMode != 0 && !have.Before(policy.KernelVersion{Major: 5, Minor: 12}):
		c.problem("E611", c.module.Pos, "launching needs open_tree and mount_setattr, which a seccomp filter refuses that the supervisor is under itself",
			"run it outside of the container; `supervisor doctor` says what its profile would have to allow")
	case !c.facts.MountAPI || !c.facts.Pidfd:
		c.problem("E611", c.module.Pos, "launching needs open_tree, mount_setattr and pidfds (Linux 5.12); this is "+c.facts.Release, "")
	}
}

// namespaceKinds are the kinds of namespaces with the names that a policy uses, in the order of the report.
var namespaceKinds = [...]struct {
	name string
	flag policy.Namespace
}{
	{"user", unix.CLONE_NEWUSER}, {"mount", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"ipc", unix.CLONE_NEWIPC},
	{"uts", unix.CLONE_NEWUTS}, {"cgroup", unix.CLONE_NEWCGROUP}, {"network", unix.CLONE_NEWNET}, {"time", unix.CLONE_NEWTIME},
}

// doctor is where the table of what refuses something stands.
const doctor = "`supervisor doctor` says what would allow it"

// decideProtections compares what the module asks for with what the host has.
func (c *compiler) decideProtections() {
	m, f := c.module, &c.facts
	for _, kind := range namespaceKinds {
		for _, ns := range m.Namespaces {
			switch {
			case ns.V != kind.flag:
			case f.Namespaces&kind.flag == 0 && kind.flag == unix.CLONE_NEWNS:
				c.problem("E610", ns.Pos, "this host has no mount namespaces, which the filesystem list is made of", "")
			case f.Namespaces&kind.flag == 0:
				c.lacks(kind.name, ns.Pos, "its kernel has no "+kind.name+" namespaces", "")
			case f.RefusedKind(kind.flag) != 0 && kind.flag == unix.CLONE_NEWNS:
				c.problem("E610", ns.Pos, "this host refuses mount namespaces, which the filesystem list is made of: "+f.RefusedKind(kind.flag).Error(), doctor)
			case f.RefusedKind(kind.flag) != 0:
				c.lacks(kind.name, ns.Pos, "it refuses "+kind.name+" namespaces: "+f.RefusedKind(kind.flag).Error(), doctor)
			case kind.flag == unix.CLONE_NEWTIME && f.Kernel.Before(policy.KernelVersion{Major: 6, Minor: 1}):
				c.lacks(kind.name, ns.Pos, "its kernel does not put a process into a time namespace at its exec (Linux 6.1)", "")
			default:
				c.namespaces |= kind.flag
				c.report(kind.name, Enforced, "a namespace of its own")
			}
		}
	}
	if c.facts.Seccomp&host.KillProcess == 0 {
		c.lacks("seccomp", m.Seccomp.Pos, "its kernel has no seccomp filters that kill a process (Linux 4.14)", "")
	} else {
		c.seccomp = true
		c.report("seccomp", Enforced, fmt.Sprintf("%d calls allowed; other architectures kill the process", len(m.Seccomp.Allow)))
	}
	switch {
	case f.Landlock.ABI == 0:
		c.lacks("landlock", m.Pos, "Landlock is not available ("+f.Landlock.Errno.Error()+")", "add landlock to lsm= on the kernel's command line")
	default:
		c.landlock = true
		detail := fmt.Sprintf("ABI %d, %d paths", f.Landlock.ABI, len(m.Filesystem))
		if c.closedTCP() != 0 {
			detail += ", " + c.describeTCP()
		}
		if lacks := c.landlockLacks(); len(lacks) > 0 {
			detail += "; it does not restrict " + strings.Join(lacks, ", ")
		}
		c.report("landlock", Enforced, detail)
		c.checkLandlock()
	}
	for i := 0; i < len(m.Resources); {
		same := 1
		for i+same < len(m.Resources) && m.Resources[i+same].Key == m.Resources[i].Key {
			same++
		}
		c.decideResource(m.Resources[i : i+same])
		i += same
	}
	c.report("capabilities", Enforced, fmt.Sprintf("exactly %d, in every set; no_new_privs; securebits locked", len(m.Capabilities)))
}

// describeTCP says what closedTCP and openPorts do.
func (c *compiler) describeTCP() string {
	if both := uint64(unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP); c.closedTCP() == both && len(c.openPorts()) == 0 {
		return "no TCP connections and no binding"
	}
	say := func(what string, access uint64, ports []uint16) string {
		switch {
		case c.closedTCP()&access == 0:
			return what + " any port"
		case len(ports) == 0:
			return what + " none"
		}
		return what + " " + policy.Ports(ports)
	}
	return say("TCP: it may connect to", unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, c.module.Connect.V) + say(", bind", unix.LANDLOCK_ACCESS_NET_BIND_TCP, c.module.Bind.V)
}

// describe adds what is known of the filter to the report about it.
func (c *compiler) describe(f Filter) {
	for i, e := range c.enforcement {
		if e.Protection == "seccomp" && e.Level == Enforced && f.Detail != "" {
			c.enforcement[i].Detail += "; " + f.Detail
		}
	}
}

// identity finds the user, the group and the supplementary groups.
func (c *compiler) identity() {
	m, f := c.module, &c.facts
	switch {
	case m.DynamicUser.V:
		user, ok := c.dynamicUser()
		if !ok {
			return
		}
		c.user = user
	case !m.User.Set() && c.root():
		c.problem("E612", m.Pos, "user is required when the supervisor runs as root",
			`say user: {dynamic: true}, or user: with a user of its own, or "root" if it must be`)
		return
	case !m.User.Set():
		c.user = User{UID: f.EUID, GID: f.EGID}
		return
	default:
		user, ok, err := c.host.User(m.User.V)
		switch {
		case err != nil:
			c.hostError(m.User.Pos, "the user database", err)
			return
		case !ok:
			c.problem("E613", m.User.Pos, fmt.Sprintf("user %q does not exist on this host", m.User.V), "create it: useradd --system "+m.User.V)
			return
		}
		c.user = user
	}
	c.Users.take(c.user.UID)
	if m.Group.Set() {
		gid, ok, err := c.host.Group(m.Group.V)
		switch {
		case err != nil:
			c.hostError(m.Group.Pos, "the group database", err)
			return
		case !ok:
			c.problem("E614", m.Group.Pos, fmt.Sprintf("group %q does not exist on this host", m.Group.V), "create it: groupadd --system "+m.Group.V)
			return
		}
		c.user.GID = gid
	}
	added, ok := c.lookUpGroups()
	if !ok {
		return
	}
	detail := fmt.Sprintf("user %d, group %d", c.user.UID, c.user.GID)
	if m.DynamicUser.V {
		detail += ", chosen for this module"
	}
	if c.root() {
		c.becomes = true
		c.report("user", Enforced, detail)
		c.addGroups(added)
		return
	}
	c.user.Groups = nil // those of the host's user, which is another one
	c.mapped = c.user.UID != f.EUID || c.user.GID != f.EGID
	var uid, gid uint32
	var why string
	if uid, gid, c.becomes, why = c.subIDs(); c.becomes {
		c.report("user", Enforced, fmt.Sprintf("%s: for the host %d and %d, by sub-ids", detail, uid, gid))
		c.addGroups(c.reached(added))
		return
	}
	c.report("user", Degraded, fmt.Sprintf("without root the kernel's user stays %d; the module sees %d%s", f.EUID, c.user.UID, why))
	c.keepsGroups(why)
}

// subIDs returns what the module's user and group are for the host, when this process's user namespace has them; otherwise why not, as the end of a
// sentence, when there is something to say.
func (c *compiler) subIDs() (uid, gid uint32, ok bool, why string) {
	f := &c.facts
	users, groups, why, enable := f.SubIDMaps()
	switch {
	case c.KeepsUser || c.user.UID == f.EUID:
		return 0, 0, false, ""
	case why != "":
		return 0, 0, false, "; for one of its own: " + why + ": " + enable
	case len(users) == 0:
		return 0, 0, false, ""
	}
	uid, user := host.Outside(users, uint32(c.user.UID))
	gid, group := host.Outside(groups, uint32(c.user.GID))
	switch {
	case c.user.UID == 0:
		return 0, 0, false, "; root is never a sub-id"
	case c.user.UID == f.OverflowUID || c.user.GID == f.OverflowGID:
		return 0, 0, false, fmt.Sprintf("; %d is no sub-id: it stands for everybody who is not mapped; name another user", f.OverflowUID)
	case !user:
		return 0, 0, false, fmt.Sprintf("; the sub-ids do not reach user %d", c.user.UID)
	case !group:
		return 0, 0, false, fmt.Sprintf("; the sub-ids do not reach group %d", c.user.GID)
	case !f.UserNS.Initial && (f.SetgroupsDenied || !f.Capabilities.Has(unix.CAP_SETUID) || !f.Capabilities.Has(unix.CAP_SETGID)):
		return 0, 0, false, "; this user namespace lets nobody become another user"
	}
	return uid, gid, true, ""
}

// direct tells whether this process launches where it is. An ordinary user's enters a user namespace first, also when it only asks what a launch
// would be.
func (c *compiler) direct() bool {
	return c.facts.UserNS.Initial && c.facts.Capabilities.Has(unix.CAP_SYS_ADMIN)
}

// root tells whether this process can become any user.
func (c *compiler) root() bool {
	return c.facts.UserNS.Initial && c.facts.EUID == 0 && c.facts.Capabilities.Has(unix.CAP_SETUID) && c.facts.Capabilities.Has(unix.CAP_SETGID)
}
