package sandbox

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

var update = flag.Bool("update", false, "write the golden files again")

// rich is a module that uses everything that the language has.
const rich = `
command: [/usr/sbin/web, --listen, "fd:3"]
user: web
group: www
environment: {LANG: C, HOME: /tmp}
working_dir: /srv/data
listeners: {http: 3, api: 4}
capabilities: [CAP_NET_BIND_SERVICE, CAP_CHOWN]
namespaces: [user, mount, pid, ipc, uts, cgroup, network]
network: {mode: loopback}
filesystem:
  - {path: /usr, access: rx}
  - {path: /lib, access: rx}
  - {path: /etc/web, access: r}
  - {path: /etc/hostname, access: r}
  - {path: /proc, proc: pid}
  - {path: /srv, tmpfs: 8M, mode: "0700", access: rw}
  - {path: /srv/data, access: rw}
  - {path: /sys/fs/cgroup, cgroup: own}
  - {path: /dev/null, access: rw}
  - {path: /opt/nowhere, access: r, if_exists: true}
rlimits: {nofile: 4096, nproc: 64, core: unlimited}
resources: {memory.max: 64M, pids.max: 32, cpu.max: 50%}
seccomp: {allow: ["@io", exit_group], deny: [execve]}
`

func explain(t testing.TB, p *program.Program) string {
	t.Helper()
	var b strings.Builder
	if err := p.Explain(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExplainGolden(t *testing.T) {
	tests := []struct {
		name   string
		host   *fakeHost
		module string
		init   bool
	}{
		{name: "rich", host: debian(), module: rich},
		{name: "init", host: debian(), module: plain, init: true},
		{name: "alice", host: aliceInside(), module: plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := mustCompile(t, tt.host, tt.module)
			p := res.Program
			if tt.init {
				p = res.Init
			}
			got := explain(t, p)
			file := filepath.Join("testdata", tt.name+".explain")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (- file, + now; -update writes it):\n%s", file, diff)
			}
		})
	}
}

// stages are the parts of a launch in the order that a kernel and our promises need, each with the steps that belong to it.
var stages = []struct{ name, steps string }{
	{"session", `setsid\(|umask\(|rt_sigaction\(|rt_sigprocmask\(`},
	{"namespaces", `unshare\(CLONE_NEW(NS|PID|IPC|UTS|CGROUP)|setns\(<network namespace>|socket\(AF_INET|ioctl\(\$1, SIOCSIFFLAGS`},
	{"mounts", `mount\(NULL|move_mount\(|symlinkat\(|mkdirat\(|mknodat\(|fsopen\(|fsconfig\(|fsmount\(|mount_setattr\(`},
	{"pivot", `fchdir\(|pivot_root\(|umount2\(`},
	{"rule about the new proc", `store parent_fd|landlock_add_rule\(`},
	{"hostname", `sethostname\(`},
	{"descriptors", `close_range\(|dup3\(|fcntl\(|ioctl\(0, TIOCSCTTY`},
	{"limits", `prlimit64\(`},
	{"identity", `prctl\(PR_CAPBSET_DROP|prctl\(PR_SET_SECUREBITS|setgroups\(|setresgid\(|setresuid\(|` +
		`prctl\(PR_SET_DUMPABLE|unshare\(CLONE_NEWUSER|openat\(</proc>|write\(\$3`},
	{"capabilities", `capset\(|prctl\(PR_CAP_AMBIENT`},
	{"parent-death signal", `prctl\(PR_SET_PDEATHSIG`},
	{"read back", `expect |getresuid\(|getresgid\(|getgroups\(|capget\(|prctl\(PR_GET_SECUREBITS|prctl\(PR_CAPBSET_READ`},
	{"working directory and LISTEN_PID", `chdir\(|getpid\(|store-decimal LISTEN_PID`},
	{"no new privileges", `prctl\(PR_SET_NO_NEW_PRIVS`},
	{"landlock", `landlock_restrict_self\(`},
	{"seccomp", `seccomp\(`},
	{"exec", `execveat\(`},
}

func stageOf(t *testing.T, text string) int {
	t.Helper()
	found := -1
	for i, s := range stages {
		if regexp.MustCompile(`^(` + s.steps + `)`).MatchString(text) {
			if found >= 0 {
				t.Fatalf("%q belongs to %s and to %s", text, stages[found].name, s.name)
			}
			found = i
		}
	}
	if found < 0 {
		t.Fatalf("%q belongs to no stage of a launch", text)
	}
	return found
}

// variants are modules and hosts that together reach every part of the builder.
func variants(t *testing.T) map[string]*Result {
	t.Helper()
	out := map[string]*Result{
		"plain":         mustCompile(t, debian(), plain),
		"rich":          mustCompile(t, debian(), rich),
		"alice":         mustCompile(t, aliceInside(), plain),
		"alice as self": mustCompile(t, aliceInside(), with(`user: "1000"`)),
		"nginx":         mustCompile(t, debian(), with("listeners: {http: 3, api: 4}", "listener_protocol: nginx")),
		"terminal": mustCompile(t, debian(), plain, func(r *Request) {
			r.Terminal, r.Command, r.Environment = true, []string{"script", "a b", ""}, []string{"LANG=de", "TERM=vt100"}
		}),
		"host network":   mustCompile(t, debian(), with("namespaces: [mount, pid]", "network: {mode: host}")),
		"no pid":         mustCompile(t, debian(), withFiles("{path: /usr, access: rx}", "{path: /lib, access: rx}")+"namespaces: [mount, network]\n"),
		"exec allowed":   mustCompile(t, debian(), plain, func(r *Request) { r.Filters = &fakeFilters{execAllowed: true} }),
		"all privileges": mustCompile(t, debian(), with("user: root", "capabilities: [CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE]")),
	}
	h := debian()
	h.facts.Cgroup = onVersion1(host.Memory | host.Pids | host.CPU)
	h.facts.Landlock.ABI = 1
	out["old"] = mustCompile(t, h, rich)
	h = debian()
	h.facts.Landlock.ABI, h.facts.Seccomp = 0, 0
	out["without landlock and seccomp"] = mustCompile(t, h, with("best_effort: [landlock, seccomp]"))
	return out
}

// TestOrder: each part of a launch needs what the ones before it did, and can no longer do what comes earlier.
func TestOrder(t *testing.T) {
	for name, res := range variants(t) {
		t.Run(name, func(t *testing.T) {
			for which, p := range map[string]*program.Program{"module": res.Program, "init": res.Init} {
				if p == nil {
					continue
				}
				at := 0
				seen := make([]int, len(stages))
				mapped := slices.ContainsFunc(p.Steps, func(s program.Step) bool { return strings.HasPrefix(s.Text, "unshare(CLONE_NEWUSER") })
				for i, s := range p.Steps {
					stage := stageOf(t, s.Text)
					seen[stage]++
					if mapped && strings.HasPrefix(s.Text, "prlimit64(0, RLIMIT_NOFILE") {
						continue // comes when the maps have been opened: TestIdentity
					}
					if stage < at {
						t.Errorf("%s: step %d, %s, comes after %s", which, i+1, s.Text, stages[at].name)
					}
					at = max(at, stage)
				}
				last := p.Steps[len(p.Steps)-1]
				if last.Number != unix.SYS_EXECVEAT || seen[len(stages)-1] != 1 {
					t.Errorf("%s: the last step is %s", which, last.Text)
				}
				for _, need := range []string{"session", "descriptors", "limits", "identity", "capabilities", "parent-death signal", "read back", "no new privileges"} {
					if i := slices.IndexFunc(stages, func(s struct{ name, steps string }) bool { return s.name == need }); seen[i] == 0 {
						t.Errorf("%s: nothing is done about %s", which, need)
					}
				}
			}
		})
	}
}

// TestLastFourAreAdjacent: nothing comes between the last four, so that nothing runs half confined.
func TestLastFourAreAdjacent(t *testing.T) {
	for name, res := range variants(t) {
		if strings.HasPrefix(name, "without") {
			continue
		}
		var calls []string
		for _, s := range res.Program.Steps[len(res.Program.Steps)-4:] {
			call, _, _ := strings.Cut(s.Text, "(")
			calls = append(calls, call)
		}
		if want := []string{"prctl", "landlock_restrict_self", "seccomp", "execveat"}; !slices.Equal(calls, want) {
			t.Errorf("%s ends with %v", name, calls)
		}
	}
}

// TestWellFormed: a program refers to nothing outside of itself.
func TestWellFormed(t *testing.T) {
	for name, res := range variants(t) {
		t.Run(name, func(t *testing.T) {
			checkWellFormed(t, res.Program)
			if res.Init != nil {
				checkWellFormed(t, res.Init)
			}
		})
	}
}

func checkWellFormed(t *testing.T, p *program.Program) {
	t.Helper()
	if len(p.Prepare) > program.MaxPrepare || len(p.Steps) > program.MaxSteps || len(p.Memory) > program.MaxMemory || len(p.Relocations) > program.MaxRelocations {
		t.Errorf("beyond the limits: %d descriptors, %d steps, %d bytes, %d relocations", len(p.Prepare), len(p.Steps), len(p.Memory), len(p.Relocations))
	}
	for i, d := range p.Prepare {
		needs := []int{}
		if d.Kind == program.Tree {
			needs = append(needs, d.From)
			if from := p.Prepare[d.From]; from.Kind != program.HostPath {
				t.Errorf("descriptor %d copies %s, which is no path of the host", i, p.Describe(d.From))
			}
		}
		for _, r := range d.Rules {
			needs = append(needs, r.From)
			if r.Access&^d.Handled != 0 {
				t.Errorf("descriptor %d: a rule allows %#x of %#x that are handled; the kernel refuses it", i, r.Access, d.Handled)
			}
		}
		for _, from := range needs {
			if from < 0 || from >= i {
				t.Errorf("descriptor %d, %s, needs descriptor %d", i, p.Describe(i), from)
			}
		}
	}
	kept := map[uint64]bool{}
	for i, s := range p.Steps {
		for n, a := range s.Args {
			size := uint64(len(p.Memory))
			ok := true
			switch a.Kind {
			case posix.Immediate, program.Cookie:
			case posix.Address:
				ok = a.Value < size
			case posix.Load:
				ok = a.Value+8 <= size
			case posix.Slot:
				ok = kept[a.Value]
			case program.Descriptor:
				ok = a.Value < uint64(len(p.Prepare))
			default:
				ok = false
			}
			if !ok {
				t.Errorf("step %d, %s: argument %d is of kind %d with value %d", i+1, s.Text, n, a.Kind, a.Value)
			}
		}
		if s.Result > 0 {
			kept[uint64(s.Result)] = true
		}
		if s.Op == posix.StepCall {
			call, _, _ := strings.Cut(s.Text, "(")
			if number, ok := seccomp.Number(call); !ok || uint32(number) != s.Number {
				t.Errorf("step %d is shown as %s and makes call %d", i+1, s.Text, s.Number)
			}
		}
		if strings.Count(s.Text, "(") != strings.Count(s.Text, ")") && !strings.Contains(s.Text, `"`) {
			t.Errorf("step %d is shown as %s", i+1, s.Text)
		}
	}
	for _, r := range p.Relocations {
		if int(r.At)+8 > len(p.Memory) || int(r.To) >= len(p.Memory) || r.At%8 != 0 {
			t.Errorf("a relocation of %d to %d in %d bytes", r.At, r.To, len(p.Memory))
		}
	}
	for _, at := range p.Cookies {
		if int(at)+4 > len(p.Memory) {
			t.Errorf("an exec-once value at %d in %d bytes", at, len(p.Memory))
		}
	}
	last := p.Steps[len(p.Steps)-1]
	if hasCookie := last.Args[5].Kind == program.Cookie; hasCookie != (len(p.Cookies) == 2) {
		t.Errorf("%d places of an exec-once value; %s", len(p.Cookies), last.Text)
	}
	if argv := array(t, p, last.Args[2]); len(argv) == 0 {
		t.Error("argv is empty")
	}
	array(t, p, last.Args[3])
}

// array reads an array of strings as the kernel would.
func array(t *testing.T, p *program.Program, a posix.Arg) []string {
	t.Helper()
	if a.Kind != posix.Address {
		t.Fatalf("an array of kind %d", a.Kind)
	}
	to := map[uint32]uint32{}
	for _, r := range p.Relocations {
		to[r.At] = r.To
	}
	var out []string
	for at := uint32(a.Value); ; at += 8 {
		start, ok := to[at]
		if !ok {
			if at+8 > uint32(len(p.Memory)) || binary.NativeEndian.Uint64(p.Memory[at:]) != 0 {
				t.Fatalf("the array at %d has no null pointer at its end", a.Value)
			}
			return out
		}
		text, _, ended := bytes.Cut(p.Memory[start:], []byte{0})
		if !ended {
			t.Fatalf("the string at %d does not end", start)
		}
		out = append(out, string(text))
	}
}

func TestArgumentsAndEnvironment(t *testing.T) {
	tests := []struct {
		name   string
		module string
		change func(*Request)
		argv   []string
		env    []string
		exec   string
	}{
		{name: "own", module: plain, argv: []string{"/bin/true", "-v"}, env: []string{"LANG=C"}, exec: "/bin/true"},
		{name: "systemd", module: with("listeners: {http: 3, api: 4}"), argv: []string{"/bin/true", "-v"},
			env: []string{"LANG=C", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:api", "LISTEN_PID="}, exec: "/bin/true"},
		{name: "nginx", module: with("listeners: {http: 3, api: 4}", "listener_protocol: nginx"), argv: []string{"/bin/true", "-v"},
			env: []string{"LANG=C", "NGINX=3;4;"}, exec: "/bin/true"},
		{name: "exec", module: plain, change: func(r *Request) {
			r.Command, r.Environment = []string{"/usr/bin/script", "", "a b"}, []string{"LANG=de", "TERM=vt100"}
		}, argv: []string{"/usr/bin/script", "", "a b"}, env: []string{"LANG=C", "TERM=vt100"}, exec: "/usr/bin/script"},
		{name: "along PATH", module: with(`environment: {PATH: "relative:/nowhere:/usr/sbin:/usr/bin"}`), change: func(r *Request) { r.Command = []string{"true"} },
			argv: []string{"true"}, env: []string{"PATH=relative:/nowhere:/usr/sbin:/usr/bin"}, exec: "/usr/bin/true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var change []func(*Request)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			p := mustCompile(t, debian(), tt.module, change...).Program
			last := p.Steps[len(p.Steps)-1]
			if got := array(t, p, last.Args[2]); !slices.Equal(got, tt.argv) {
				t.Errorf("argv is %q", got)
			}
			if got := array(t, p, last.Args[3]); !slices.Equal(got, tt.env) {
				t.Errorf("the environment is %q", got)
			}
			if !strings.Contains(last.Text, fmt.Sprintf("AT_FDCWD, %q", tt.exec)) {
				t.Errorf("the exec is %s", last.Text)
			}
		})
	}
}

// TestListenPIDHasRoom: the child writes at most 20 digits and a zero byte behind the variable's name.
func TestListenPIDHasRoom(t *testing.T) {
	p := mustCompile(t, debian(), with("listeners: {http: 3, api: 4}")).Program
	for _, s := range p.Steps {
		if s.Op != posix.StepDecimal {
			continue
		}
		at := s.Args[1].Value
		if !bytes.HasSuffix(p.Memory[:at], []byte("LISTEN_PID=")) {
			t.Errorf("the digits are written behind %q", p.Memory[:at])
		}
		for i, b := range p.Memory[at : at+21] {
			if b != 0 {
				t.Errorf("byte %d of the place for the digits is something else's", i)
			}
		}
		return
	}
	t.Error("nothing writes LISTEN_PID")
}

// TestDescriptorsOfTheChild: the three streams, and the listeners from 3 on, in this order; all else is closed by the exec.
func TestDescriptorsOfTheChild(t *testing.T) {
	p := mustCompile(t, debian(), rich).Program
	var got []string
	closed := -1
	for i, s := range p.Steps {
		switch s.Number {
		case unix.SYS_CLOSE_RANGE:
			closed = i
			if s.Args[0].Value != 3 || s.Args[1].Value != 0xffffffff || s.Args[2].Value != unix.CLOSE_RANGE_CLOEXEC {
				t.Errorf("%s", s.Text)
			}
		case unix.SYS_DUP3:
			if closed < 0 {
				t.Errorf("%s before close_range, which would mark it", s.Text)
			}
			d := p.Prepare[s.Args[0].Value]
			got = append(got, fmt.Sprintf("%d %s%d", s.Args[1].Value, d.Path, d.From))
		case unix.SYS_OPENAT, unix.SYS_SOCKET, unix.SYS_FSOPEN:
			if !strings.Contains(s.Text, "CLOEXEC") {
				t.Errorf("%s is inherited", s.Text)
			}
		}
	}
	if want := []string{"0 0", "1 1", "2 2", "3 http0", "4 api0"}; !slices.Equal(got, want) {
		t.Errorf("descriptors %q, want %q", got, want)
	}
	if p.Listeners != 2 {
		t.Errorf("%d listeners", p.Listeners)
	}
}

// TestListenersOfNginx: nginx leaves an inherited socket as it is, and must not wait in accept(2). With systemd's protocol it is the module's choice.
func TestListenersOfNginx(t *testing.T) {
	for _, tt := range []struct {
		protocol string
		want     []string
	}{
		{"systemd", nil},
		{"nginx", []string{"fcntl(3, F_SETFL, O_NONBLOCK)", "fcntl(4, F_SETFL, O_NONBLOCK)"}},
	} {
		var got []string
		for _, s := range mustCompile(t, debian(), with("listeners: {http: 3, api: 4}", "listener_protocol: "+tt.protocol)).Program.Steps {
			if s.Number == unix.SYS_FCNTL && s.Op == posix.StepCall {
				got = append(got, s.Text)
				if s.Args[1].Value != unix.F_SETFL || s.Args[2].Value != unix.O_NONBLOCK || s.Origin.Line == 0 {
					t.Errorf("%s: %+v", tt.protocol, s)
				}
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.protocol, got, tt.want)
		}
	}
}

// TestOrigins: whatever a policy asks for names its line; what every module gets names none.
func TestOrigins(t *testing.T) {
	p := mustCompile(t, debian(), rich).Program
	lines := map[string]int{
		`unshare(CLONE_NEWNS`: 15, `sethostname(`: 15, `ioctl($1, SIOCSIFFLAGS`: 16, `move_mount(</etc/web>`: 20, `fsmount(`: 22,
		`prlimit64(0, RLIMIT_NPROC`: 28, `setresuid(`: 9, `capset(`: 14, `chdir("/srv/data")`: 12, `seccomp(`: 30, `execveat(`: 8,
		`dup3(<listener http>`: 13, `setsid(`: 0, `pivot_root(`: 0, `prctl(PR_SET_NO_NEW_PRIVS`: 0,
	}
	for prefix, line := range lines {
		i := slices.IndexFunc(p.Steps, func(s program.Step) bool { return strings.HasPrefix(s.Text, prefix) })
		if i < 0 {
			t.Errorf("no step %s", prefix)
		} else if got := p.Steps[i].Origin.Line; got != line {
			t.Errorf("%s comes from line %d, want %d", p.Steps[i].Text, got, line)
		}
	}
}

// rules are what a program lets its module do, by path: Landlock's rights and the attributes of the mount.
func rules(p *program.Program) map[string]uint64 {
	out := map[string]uint64{}
	for _, d := range p.Prepare {
		for _, r := range d.Rules {
			out[p.Prepare[r.From].Path] |= r.Access
		}
	}
	return out
}

// TestLessAskedIsLessGiven compiles every part of a file-system list: a shorter list gives no right that the longer one does not.
func TestLessAskedIsLessGiven(t *testing.T) {
	entries := []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /etc/web, access: rw}", "{path: /etc/hostname, access: r}",
		"{path: /srv, tmpfs: 1M}", "{path: /dev/null, access: rw}"}
	given := map[int]map[string]uint64{}
	for n := range 1 << len(entries) {
		if n&1 == 0 {
			continue // without /usr nothing starts
		}
		var some []string
		for i, e := range entries {
			if n>>i&1 == 1 {
				some = append(some, e)
			}
		}
		p := mustCompile(t, debian(), withFiles(some...)).Program
		checkWellFormed(t, p)
		given[n] = rules(p)
	}
	for n, less := range given {
		for m, more := range given {
			if n&^m != 0 {
				continue
			}
			for path, access := range less {
				if access&^more[path] != 0 {
					t.Errorf("list %b gives %#x below %s, list %b only %#x", n, access, path, m, more[path])
				}
			}
		}
	}
}

// TestDenyAddsNothing: a longer deny list changes the filter and nothing else of the launch.
func TestDenyAddsNothing(t *testing.T) {
	base := explain(t, mustCompile(t, debian(), plain).Program)
	denied := strings.Replace(plain, `seccomp: {allow: ["@io", exit_group]}`, `seccomp: {allow: ["@io", exit_group], deny: [write]}`, 1)
	f := &fakeFilters{}
	if got := explain(t, mustCompile(t, debian(), denied, func(r *Request) { r.Filters = f }).Program); got != base {
		t.Errorf("more deny (- less, + more):\n%s", cmp.Diff(base, got))
	}
	if slices.ContainsFunc(f.modules[0].Allow, func(c policy.Call) bool { return c.Name == "write" }) {
		t.Error("the filter allows what is denied")
	}
}

// TestFewerCapabilitiesKeepFewer compares the bounding set and the sets of two modules, of which one asks for more.
func TestFewerCapabilitiesKeepFewer(t *testing.T) {
	count := func(caps, prefix string) int {
		n := 0
		for _, s := range mustCompile(t, debian(), with("capabilities: "+caps)).Program.Steps {
			if strings.HasPrefix(s.Text, prefix) {
				n++
			}
		}
		return n
	}
	for i, caps := range []string{"[]", "[CAP_CHOWN]", "[CAP_CHOWN, CAP_KILL]"} {
		if got := count(caps, "prctl(PR_CAPBSET_DROP"); got != 41-i {
			t.Errorf("%s drops %d of 41 from the bounding set", caps, got)
		}
		if got := count(caps, "prctl(PR_CAPBSET_READ"); got != 41-i {
			t.Errorf("%s reads %d of 41 back", caps, got)
		}
		if got := count(caps, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE"); got != i {
			t.Errorf("%s raises %d", caps, got)
		}
	}
}
