package sandbox

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// entry is a file of a fakeHost.
type entry struct {
	kind Kind
	link string
	mode uint32
	head []byte
}

// fakeHost is a host that is written down. Directories above an entry exist by themselves.
type fakeHost struct {
	facts    host.Facts
	files    map[string]entry
	users    map[string]User
	groups   map[string]posix.GID
	disks    map[string]host.Disk
	weighing host.Weighing
	// broken is an error that every question gets.
	broken error
	asked  []string
}

func (h *fakeHost) Facts() host.Facts { return h.facts }

// resolve follows every link in p. It answers ENOENT, ENOTDIR or ELOOP as the kernel does.
func (h *fakeHost) resolve(p string) (string, entry, posix.Errno) {
	left := strings.Split(strings.Trim(path.Clean(p), "/"), "/")
	at, links := "/", 0
	for len(left) > 0 {
		if left[0] == "" || left[0] == "." {
			left = left[1:]
			continue
		}
		next := path.Join(at, left[0])
		left = left[1:]
		e, ok := h.lookup(next)
		switch {
		case !ok:
			return "", entry{}, posix.Errno(unix.ENOENT)
		case e.link != "":
			if links++; links > 40 {
				return "", entry{}, posix.Errno(unix.ELOOP)
			}
			left = append(strings.Split(e.link, "/"), left...)
			if path.IsAbs(e.link) {
				at = "/"
			}
			continue
		case e.kind != Directory && len(left) > 0:
			return "", entry{}, posix.Errno(unix.ENOTDIR)
		}
		at = next
	}
	e, _ := h.lookup(at)
	return at, e, 0
}

func (h *fakeHost) lookup(p string) (entry, bool) {
	if e, ok := h.files[p]; ok {
		return e, true
	}
	for name := range h.files {
		if p == "/" || strings.HasPrefix(name, p+"/") {
			return entry{kind: Directory, mode: 0o755}, true
		}
	}
	return entry{}, false
}

func (h *fakeHost) File(p string) (File, error) {
	f, _, err := h.Head(p)
	return f, err
}

func (h *fakeHost) Head(p string) (File, []byte, error) {
	h.asked = append(h.asked, p)
	if h.broken != nil {
		return File{}, nil, h.broken
	}
	real, e, errno := h.resolve(p)
	if errno != 0 {
		return File{Kind: Absent, Errno: errno}, nil, nil
	}
	return File{Kind: e.kind, Link: h.files[path.Clean(p)].link, Real: real, Mode: e.mode}, e.head, nil
}

func (h *fakeHost) User(name string) (User, bool, error) {
	u, ok := h.users[name]
	return u, ok, h.broken
}

func (h *fakeHost) Disk(name string) (host.Disk, error) {
	h.asked = append(h.asked, name)
	if d, ok := h.disks[name]; ok {
		return d, h.broken
	}
	return host.Disk{Lacks: name + ": no such file or directory"}, h.broken
}

func (h *fakeHost) Weighing(string) (host.Weighing, error) { return h.weighing, h.broken }

func (h *fakeHost) Group(name string) (posix.GID, bool, error) {
	gid, ok := h.groups[name]
	if n, err := strconv.ParseUint(name, 10, 32); err == nil { // a group is a number for the kernel: it needs no name
		gid, ok = posix.GID(n), true
	}
	return gid, ok, h.broken
}

// fakeFilters returns filters of a few bytes, with places for the exec-once value.
type fakeFilters struct {
	execAllowed        bool
	moduleErr, initErr error
	initCalls          []string
	modules            []policy.Seccomp
}

func (f *fakeFilters) Module(s policy.Seccomp) (Filter, error) {
	f.modules = append(f.modules, s)
	filter := Filter{Program: make([]byte, 8*12)}
	if !f.execAllowed {
		filter.Cookie = []int{4, 28}
	}
	return filter, f.moduleErr
}

func (f *fakeFilters) Init(calls []string) (Filter, error) {
	f.initCalls = calls
	return Filter{Program: make([]byte, 8*5), Cookie: []int{4, 12}}, f.initErr
}

// elfFile is the head of a 64-bit executable that asks for a loader; empty is a static one.
func elfFile(interp string) []byte {
	phnum := byte(0)
	if interp != "" {
		phnum = 1
	}
	head := make([]byte, 64+56)
	copy(head, "\x7fELF\x02\x01\x01")
	head[16], head[18], head[20] = 2, 62, 1 // ET_EXEC, EM_X86_64, EV_CURRENT
	head[32] = 64                           // e_phoff
	head[40] = 0xff                         // e_shoff, far beyond the head
	head[41] = 0xff
	head[52], head[54], head[56], head[58], head[60], head[62] = 64, 56, phnum, 64, 30, 29
	head[64] = 3                    // PT_INTERP
	head[64+8] = byte(len(head))    // p_offset
	head[64+32] = byte(len(interp)) // p_filesz
	if interp != "" {
		head[64+32]++
		head = append(append(head, interp...), 0)
	}
	return append(head, make([]byte, 64)...)
}

const loader = "/lib64/ld-linux-x86-64.so.2"

// debian is a host with a merged /usr, as root sees it on Linux 6.18 with control groups of version 2.
func debian() *fakeHost {
	program := entry{kind: Regular, mode: 0o755, head: elfFile(loader)}
	return &fakeHost{
		facts: host.Facts{
			Release: "6.18.5", Kernel: policy.KernelVersion{Major: 6, Minor: 18}, Machine: "x86_64",
			OverflowUID: 65534, OverflowGID: 65534,
			Capabilities: host.CapabilityFacts{Effective: 1<<41 - 1, Permitted: 1<<41 - 1, Bounding: 1<<41 - 1, Last: 40},
			SigIgn:       1 << (unix.SIGPIPE - 1),
			Seccomp:      1<<8 - 1,
			Landlock:     host.LandlockFacts{ABI: 7},
			UserNS:       host.UserNSFacts{Initial: true, Max: 1000, UnprivilegedClone: -1, AppArmorRestricts: -1},
			Namespaces: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
				unix.CLONE_NEWCGROUP | unix.CLONE_NEWNET,
			Proc: host.ProcFacts{Mounted: true}, MountAPI: true, IntoCgroup: true, Pidfd: true,
			Cgroup: host.CgroupFacts{V2: host.Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Controllers: host.Memory | host.Pids | host.CPU}},
		},
		files: map[string]entry{
			"/bin": {link: "usr/bin"}, "/sbin": {link: "usr/sbin"}, "/lib": {link: "usr/lib"}, "/lib64": {link: "usr/lib64"},
			"/usr/bin/true": program, "/usr/bin/dash": program, "/usr/bin/sh": {link: "dash"}, "/usr/sbin/web": program,
			"/usr/bin/static":  {kind: Regular, mode: 0o755, head: elfFile("")},
			"/usr/bin/script":  {kind: Regular, mode: 0o755, head: []byte("#! /bin/sh -e\nexit\n")},
			"/usr/bin/foreign": {kind: Regular, mode: 0o755, head: []byte("#!/opt/lang/bin/run\n")},
			"/usr/bin/loop":    {kind: Regular, mode: 0o755, head: []byte("#!/usr/bin/loop\n")},
			"/usr/bin/empty":   {kind: Regular, mode: 0o755}, "/usr/bin/plain": {kind: Regular, mode: 0o644},
			"/usr/bin/editor": {link: "/etc/alternatives/editor"}, "/etc/alternatives/editor": {link: "/usr/bin/true"},
			"/opt/lang/bin/run":                   program,
			"/usr/lib64/ld-linux-x86-64.so.2":     {link: "../lib/x86_64-linux-gnu/ld.so"},
			"/usr/lib/x86_64-linux-gnu/ld.so":     {kind: Regular, mode: 0o755, head: elfFile("")},
			"/usr/lib/x86_64-linux-gnu/libc.so.6": {kind: Regular, mode: 0o755},
			"/etc/hostname":                       {kind: Regular, mode: 0o644}, "/etc/web/web.conf": {kind: Regular, mode: 0o644},
			"/etc/current": {link: "web"},
			"/everything":  {link: "/"}, "/dangling": {link: "nowhere"},
			"/dev/null": {kind: Device, mode: 0o666}, "/dev/zero": {kind: Device, mode: 0o666}, "/dev/full": {kind: Device, mode: 0o666},
			"/dev/random": {kind: Device, mode: 0o666}, "/dev/urandom": {kind: Device, mode: 0o666}, "/dev/tty": {kind: Device, mode: 0o666},
			"/run/fifo":      {kind: Other, mode: 0o644},
			"/srv/data/file": {kind: Regular, mode: 0o644}, "/proc/self": {kind: Directory},
			"/proc/sys/kernel": {kind: Directory}, "/proc/filesystems": {kind: Regular, mode: 0o444},
			"/proc/acpi/button": {kind: Directory, mode: 0o555}, "/proc/scsi/scsi": {kind: Regular, mode: 0o444}, "/proc/keys": {kind: Regular, mode: 0o444},
			"/proc/interrupts": {kind: Regular, mode: 0o444}, "/proc/kcore": {kind: Regular, mode: 0o400}, "/proc/bus/pci": {kind: Directory},
			"/proc/sysrq-trigger": {kind: Regular, mode: 0o200}, "/proc/driver/rtc": {kind: Regular, mode: 0o444}, "/proc/xfs": {link: "/sys/fs/xfs"},
			"/sys/fs/xfs/stats": {kind: Regular, mode: 0o444},
		},
		users: map[string]User{
			"root": {Name: "root"}, "web": {Name: "web", UID: 990, GID: 991, Groups: []posix.GID{4, 27}}, "1000": {Name: "alice", UID: 1000, GID: 1000},
			"65534": {Name: "nobody", UID: 65534, GID: 65534},
		},
		groups: map[string]posix.GID{"www": 33, "root": 0},
	}
}

// aliceInside is debian as the supervisor of an ordinary user sees it from its user namespace, on control groups of version 1.
func aliceInside() *fakeHost {
	h := debian()
	f := &h.facts
	f.UID, f.EUID, f.GID, f.EGID = 1000, 1000, 1000, 1000
	f.SetgroupsDenied, f.UserNS.Initial = true, false
	f.Cgroup = onVersion1(host.Memory | host.Pids | host.CPU)
	return h
}

// aliceWithSubIDs is aliceInside where her namespace has more than her own numbers.
func aliceWithSubIDs() *fakeHost {
	h := aliceInside()
	f := &h.facts
	f.SetgroupsDenied = false
	f.UserNS.UIDMap, f.UserNS.GIDMap = "1000 1000 1\n1 100000 999\n1001 101000 64533", "1000 1000 1\n1 200000 999\n1001 201000 64533"
	return h
}

func onVersion1(c host.ControllerSet) host.CgroupFacts {
	at := func(one host.ControllerSet) host.Hierarchy {
		if c&one == 0 {
			return host.Hierarchy{}
		}
		return host.Hierarchy{Version: 1, Mount: "/sys/fs/cgroup/" + one.Names()[0], Controllers: one}
	}
	return host.CgroupFacts{Memory: at(host.Memory), Pids: at(host.Pids), CPU: at(host.CPU), IO: at(host.IO)}
}

// testCatalog knows the calls of the policies in these tests.
var testCatalog = policy.Catalog{
	Calls:  map[string]struct{}{"read": {}, "write": {}, "execve": {}, "execveat": {}, "exit_group": {}},
	Groups: map[string][]string{"@io": {"read", "write"}},
}

// parse reads a policy with one module, given the lines of that module without their indent. Its name is on line 7.
func parse(t testing.TB, module string) *policy.Policy {
	t.Helper()
	listeners := "# none\n#\n#\n"
	if strings.Contains(module, "api: 4") {
		listeners = "listeners:\n  http: {address: \"127.0.0.1:80\"}\n  api: {address: \"127.0.0.1:81\"}\n"
	}
	text := "version: 1\nkernel: \">=5.13\"\n" + listeners + "modules:\n  web:\n" + indent(module)
	p, ds := policy.Parse("web.yaml", []byte(text), policy.Options{Catalog: testCatalog, Dir: "/etc/bulkhead"})
	if p == nil {
		t.Fatalf("the policy of the test does not parse: %v\n%s", ds, text)
	}
	return p
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		b.WriteString("    " + line)
	}
	return b.String()
}

// compileWith compiles the only module of a policy on a host.
func compileWith(t testing.TB, h *fakeHost, module string, change ...func(*Request)) (*Result, policy.Diagnostics) {
	t.Helper()
	p := parse(t, module)
	req := Request{Policy: p, Module: p.Modules[0], Host: h, Filters: &fakeFilters{}}
	for _, f := range change {
		f(&req)
	}
	res, ds := Compile(req)
	if (res == nil) != ds.HasErrors() {
		t.Fatalf("result %v with diagnostics %v", res, ds)
	}
	return res, ds
}

// mustCompile is compileWith for a module that nothing is wrong with.
func mustCompile(t testing.TB, h *fakeHost, module string, change ...func(*Request)) *Result {
	t.Helper()
	res, ds := compileWith(t, h, module, change...)
	if len(ds) > 0 {
		t.Fatalf("diagnostics: %v", ds)
	}
	return res
}

// places shows diagnostics as "code line".
func places(ds policy.Diagnostics) []string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%s %d", d.Code, d.Pos.Line))
	}
	slices.Sort(out)
	return out
}

var errBroken = errors.New("the other end is gone")
