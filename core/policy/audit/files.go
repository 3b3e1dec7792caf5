package audit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// hostPaths are paths of the host that its other programs trust.
var hostPaths = [...]struct {
	path  string
	exact bool // what is below may be the module's own
	gives string
}{
	{"/etc", false, "changes users, services and what runs at the next start"},
	{"/usr", false, "replaces programs and libraries that others execute"},
	{"/bin", false, "replaces programs that others execute"},
	{"/sbin", false, "replaces programs that root executes"},
	{"/lib", false, "replaces libraries that others load"},
	{"/lib64", false, "replaces libraries that others load"},
	{"/boot", false, "replaces the kernel of the next start"},
	{"/root", false, "writes root's files, of which shells and keys are some"},
	{"/proc/sys", false, "changes settings of the kernel, core_pattern among them, which root executes (CVE-2022-0492 is of that kind)"},
	{"/proc", true, "changes settings of the kernel, core_pattern among them, which root executes"},
	{"/sys", false, "changes settings of devices and of the kernel, uevent_helper among them, which root executes"},
	{"/dev", true, "writes to the host's devices, its disks among them"},
	{"/dev/mem", false, "writes to physical memory"},
	{"/dev/kmem", false, "writes to the memory of the kernel"},
	{"/home", true, "writes the files of all users"},
	{"/var", true, "writes the data and the spools of all services, cron's among them"},
	{"/var/spool/cron", false, "has commands run as other users"},
	{"/run", true, "replaces the sockets of all services"},
	{"/opt", true, "replaces programs that others execute"},
	{"/srv", true, "writes the data of all services"},
}

// controlSockets are sockets of services that do as root what they are asked.
var controlSockets = [...]string{"docker.sock", "containerd.sock", "crio.sock", "podman.sock", "dockershim.sock", "system_bus_socket",
	"libvirt-sock", "snapd.socket"}

// filesystem reports what of the file system is open too far (C17).
func (c *check) filesystem() {
	for _, f := range c.module.Filesystem {
		if f.Access&policy.AccessWrite != 0 && f.Access&policy.AccessExecute != 0 {
			severity, also := Low, ", and nothing can be executed by name"
			if c.can("execve", "execveat") {
				severity, also = High, ""
			}
			c.addAt(f.Pos, Finding{Rule: "C17", Severity: severity, Subject: "write and execute " + f.Path,
				Message: f.Path + " is writable and executable" + also, Gives: "brings programs with it and executes them",
				Shows:  c.shows(example.Execute(f.Path)),
				Source: "Landlock's LANDLOCK_ACCESS_FS_EXECUTE",
				Fix:    "access: rw where it writes, rx where its programs are"})
		}
		switch f.Kind {
		case policy.MountBind:
			c.bound(f)
		case policy.MountProc:
			if f.Subset == "all" {
				c.addAt(f.Pos, Finding{Rule: "C17", Severity: Low, Subject: "proc all " + f.Path, Message: f.Path + " has more than the module's own processes",
					Shows: c.shows(example.There(f.Path + "/vmstat")),
					Gives: "reads settings and statistics of the host's kernel", Source: "proc(5): subset=pid",
					Fix: "{path: " + f.Path + ", proc: pid}"})
				c.openProc(f)
			}
		default:
		}
	}
}

// openProc reports what a proc shows or lets be written although container runtimes would not.
func (c *check) openProc(f policy.Mount) {
	has := func(list []policy.Value[string], name string) bool {
		return slices.ContainsFunc(list, func(v policy.Value[string]) bool { return within(name, v.V) })
	}
	if !has(f.MaskedPaths(), "kallsyms") || !has(f.MaskedPaths(), "kcore") {
		c.addAt(f.Pos, Finding{Rule: "C17", Severity: Medium, Subject: "unmasked " + f.Path, Message: "the addresses of the host's kernel in " + f.Path + " are not masked",
			Shows: c.shows(example.There(f.Path + "/kallsyms")), Gives: "reads where the kernel's functions are, and as root its memory", Source: "proc(5): kallsyms, kcore",
			Fix: "masked: [default]"})
	}
	if f.Access&policy.AccessWrite != 0 && !has(f.ReadOnlyPaths(), "sys") && !has(f.MaskedPaths(), "sys") {
		c.addAt(f.Pos, Finding{Rule: "C17", Severity: High, Subject: "write " + f.Path + "/sys", Message: "the settings of the host's kernel in " + f.Path + "/sys are writable",
			Shows: c.shows(example.Write(f.Path + "/sys/kernel/core_pattern")), Gives: "as root, names a program that the kernel starts outside of the sandbox",
			Source: "core(5): Piping core dumps to a program", Fix: "read_only: [default]"})
	}
}

// bound reports a path of the host.
func (c *check) bound(f policy.Mount) {
	name := f.Path[strings.LastIndexByte(f.Path, '/')+1:]
	for _, socket := range controlSockets {
		if name == socket {
			c.addAt(f.Pos, Finding{Rule: "C17", Severity: High, Subject: "control socket " + f.Path,
				Message: f.Path + " is the control socket of a service that runs as root",
				Shows:   c.shows([]string{"connect(3, {sa_family=AF_UNIX, sun_path=" + strconv.Quote(f.Path) + "})"}),
				Gives:   "asks the service to start what it likes, as root, outside of the sandbox; reading is enough to connect",
				Source:  "unix(7): Pathname socket ownership and permissions",
				Fix:     "remove it"})
			return
		}
	}
	if f.Access&policy.AccessWrite == 0 {
		if f.Path == "/proc" {
			c.addAt(f.Pos, Finding{Rule: "C17", Severity: Medium, Subject: "host proc " + f.Path, Message: "the host's /proc is visible",
				Shows: c.shows(example.There("/proc/1/cmdline")),
				Gives: "sees command lines and environments of the host's processes of the same user", Source: "proc(5)", Fix: "{path: /proc, proc: pid}"})
		}
		return
	}
	for _, h := range hostPaths {
		if f.Path == h.path || !h.exact && within(f.Path, h.path) {
			c.addAt(f.Pos, Finding{Rule: "C17", Severity: High, Subject: "write " + f.Path, Message: f.Path + " of the host is writable",
				Shows: c.shows(example.Write(f.Path)), Gives: h.gives,
				Source: "hier(7)", Fix: "list the directories that the program has for itself, such as /var/lib/" + c.module.Name})
			return
		}
	}
}

// within tells whether a path is below a directory, or the directory.
func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
