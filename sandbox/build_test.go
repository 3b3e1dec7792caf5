package sandbox

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
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

// whole is the text of both programs of a launch.
func whole(t testing.TB, r *Result) string {
	t.Helper()
	return explain(t, r.Init) + explain(t, r.Program)
}

// variants are modules and hosts that together reach every part of the builder.
func variants(t *testing.T) map[string]*Result {
	t.Helper()
	out := map[string]*Result{
		"plain":         mustCompile(t, debian(), plain),
		"rich":          mustCompile(t, debian(), rich),
		"alice":         mustCompile(t, aliceInside(), plain),
		"sub-ids":       mustCompile(t, aliceWithSubIDs(), plain),
		"alice as self": mustCompile(t, aliceInside(), with(`user: "1000"`)),
		"nginx":         mustCompile(t, debian(), with("listeners: {http: 3, api: 4}", "listener_protocol: nginx")),
		"terminal": mustCompile(t, debian(), plain, func(r *Request) {
			r.Terminal, r.Command, r.Environment = true, []string{"script", "a b", ""}, []string{"LANG=de", "TERM=vt100"}
		}),
		"host network":   mustCompile(t, debian(), with("namespaces: [mount, pid]", "network: {mode: host}")),
		"writable proc":  mustCompile(t, debian(), withFiles("{path: /usr, access: rx}", "{path: /proc, proc: all, access: rw}")),
		"minimal dev":    mustCompile(t, debian(), withFiles("{path: /usr, access: rx}", "{path: /dev, dev: minimal}", "{path: /dev/shm, tmpfs: 1M}", "{path: /dev/fd, tmpfs: 4K}")),
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

// TestWellFormed: a program refers to nothing outside of itself.
func TestWellFormed(t *testing.T) {
	for name, res := range variants(t) {
		t.Run(name, func(t *testing.T) {
			checkWellFormed(t, res.Program)
			if res.Init != nil {
				checkWellFormed(t, res.Init)
			}
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

// TestOrigins: whatever a policy asks for names its line; what every module gets names none.
func TestOrigins(t *testing.T) {
	res := mustCompile(t, debian(), rich)
	steps := slices.Concat(res.Program.Steps, res.Init.Steps)
	lines := map[string]int{
		`unshare(CLONE_NEWNS`: 15, `unshare(CLONE_NEWCGROUP`: 15, `setns(<init>`: 15, `sethostname(`: 15, `setns(<network>`: 16, `move_mount(</etc/web>`: 20, `fsmount(`: 22,
		`prlimit64(0, RLIMIT_NPROC`: 28, `setresuid(`: 9, `capset(`: 14, `chdir("/srv/data")`: 12, `seccomp(`: 30, `execveat(`: 8,
		`dup3(<listener http>`: 13, `setsid(`: 0, `setns(<seed>`: 15, `chroot(`: 0, `prctl(PR_SET_NO_NEW_PRIVS`: 0,
	}
	for prefix, line := range lines {
		i := slices.IndexFunc(steps, func(s program.Step) bool { return strings.HasPrefix(s.Text, prefix) })
		if i < 0 {
			t.Errorf("no step %s", prefix)
		} else if got := steps[i].Origin.Line; got != line {
			t.Errorf("%s comes from line %d, want %d", steps[i].Text, got, line)
		}
	}
}
