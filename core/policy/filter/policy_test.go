package filter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// compiled makes the filter of a seccomp section.
func compiled(t testing.TB, s policy.Seccomp) *Filter {
	t.Helper()
	d, err := seccomp.Resolve(s)
	if err != nil {
		t.Fatal(err)
	}
	e, err := seccomp.Emit(d)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read("x.bpf", e.Program)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// section reads a seccomp section.
func section(t testing.TB, text string) policy.Seccomp {
	t.Helper()
	text = "version: 1\nmodules:\n  m:\n    command: [/bin/true]\n    filesystem: [{path: /usr, access: rx}]\n    seccomp: {" + text + "}\n"
	p, findings := policy.Parse("p.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog()})
	if err := findings.Err(); err != nil {
		t.Fatal(err)
	}
	return p.Modules[0].Seccomp
}

// same fails when the policy that was made of a filter is another.
func same(t testing.TB, f *Filter) string {
	t.Helper()
	w, err := f.Policy("m")
	if err != nil {
		t.Fatalf("%v\n%s", err, w.Text)
	}
	for _, d := range w.Differences {
		t.Errorf("%v", &d)
	}
	for _, u := range w.Unsaid {
		t.Error(u)
	}
	return string(w.Text)
}

func TestShipped(t *testing.T) {
	files, err := filepath.Glob("../../../policies/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d policies, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, findings := policy.Parse(file, text, policy.Options{Catalog: seccomp.Catalog(), Dir: "/", Variables: map[string]string{"POLICY_DIR": "/",
				"SUPERVISOR": "/s"}})
			if p == nil {
				t.Fatal(findings.Err())
			}
			for _, m := range p.Modules {
				same(t, compiled(t, m.Seccomp))
			}
		})
	}
}

func TestConditions(t *testing.T) {
	cases := []struct{ name, section, want string }{
		{"equal", `allow: [read, {call: socket, when: "family == AF_INET"}]`, "{call: socket, when: \"family == 2\"}"},
		{"list", `allow: [read, {call: socket, when: "family in [AF_INET, AF_UNIX, 10]"}]`, "family in [1..2, 10]"},
		{"not", `allow: [read, {call: socket, when: "family != AF_ALG"}]`, "!(family == 38)"},
		{"range of an int", `allow: [read, {call: socket, when: "family > 5 && family < 38"}]`, "family in [6..37]"},
		{"negative", `allow: [read, {call: dup2, when: "oldfd < 7"}]`, "oldfd"},
		{"signed", `allow: [read, {call: socket, when: "family < 0"}]`, "family in [-2147483648..-1]"},
		{"mask", `allow: [read, {call: socket, when: "(type & 15) == SOCK_STREAM"}]`, "(type & 15) == 1"},
		{"no bit", `allow: [read, {call: clone, when: "(clone_flags & 0x7e020000) == 0"}]`, "(clone_flags & 0x7e020000) == 0"},
		{"some bit", `allow: [read, {call: clone, when: "(clone_flags & 0x7e020000) != 0"}]`, "!((clone_flags & 0x7e020000) == 0)"},
		{"two arguments", `allow: [read, {call: socket, when: "family == 2 && (type & 15) == 1 || family == 1"}]`, "||"},
		{"pointer", `allow: [read, {call: unlink, when: "pathname == NULL"}, {call: rmdir, when: "pathname != NULL"}]`, "pathname == NULL"},
		{"register", `allow: [read, {call: socket, when: "raw64(family) == 2"}]`, "raw64(family) == 2"},
		{"wide", `allow: [read, {call: mmap, when: "len <= 0x100000000 && !(prot & 4)"}]`, "len <= 0x100000000"},
		{"other " +
			"answers", `denied: errno EACCES, default: kill_process, allow: [read, socket], ` +
			`deny: [{call: socket, when: "family == 38", action: errno EAFNOSUPPORT}, ` +
			`{call: ptrace, action: kill_process}, {call: socket, when: "type == 3", action: trap}]`, "action: trap"},
		{"architectures", `architectures: [native, x86], allow: ["@default", {call: socketcall, if_supported: true}]`, "{call: [fcntl64"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "architectures" && seccomp.Native() != seccomp.X8664 {
				t.Skip("x86 is run by x86-64 kernels alone")
			}
			text := same(t, compiled(t, section(t, c.section)))
			if c.name != "architectures" && !strings.Contains(text, c.want) {
				t.Errorf("no %q in\n%s", c.want, text)
			}
		})
	}
}

// TestUnsaid: what the language cannot say is shown with a call.
func TestUnsaid(t *testing.T) {
	native := seccomp.Native().Audit()
	load := func(offset uint32) bpf.Instruction { return bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: offset} }
	ret := func(answer uint32) bpf.Instruction { return bpf.Instruction{Code: bpf.RET | bpf.K, K: answer} }
	equal := func(k uint32, yes, no uint8) bpf.Instruction {
		return bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: yes, JF: no, K: k}
	}
	read, _ := seccomp.Number("read")
	write, _ := seccomp.Number("write")
	cases := []struct {
		name    string
		program bpf.Program
		differs func(d seccomp.Difference) bool
		unsaid  string
	}{
		{"no check of the architecture", bpf.Program{load(bpf.OffsetNr), equal(read, 0, 1), ret(bpf.RetAllow), ret(bpf.RetErrno | 1)},
			func(d seccomp.Difference) bool { return d.Call.Arch != native && d.Want == bpf.RetErrno|1 }, ""},
		{"the default allows", bpf.Program{load(bpf.OffsetArch), equal(native, 1, 0), ret(bpf.RetKillProcess), load(bpf.OffsetNr), equal(read, 0, 1),
			ret(bpf.RetErrno | 1), ret(bpf.RetAllow)}, func(d seccomp.Difference) bool { return d.Want == bpf.RetAllow && d.Call.Arch == native }, ""},
		{"asks somebody", bpf.Program{load(bpf.OffsetArch), equal(native, 1, 0), ret(bpf.RetKillProcess), load(bpf.OffsetNr), equal(read, 0, 1),
			ret(bpf.RetUserNotif), equal(write, 0,
				1), ret(bpf.RetAllow), ret(bpf.RetErrno | 1)}, func(d seccomp.Difference) bool { return d.Want == bpf.RetUserNotif && d.Call.Nr == read },
			"read: the policy language cannot answer with user_notif"},
		{"the instruction pointer", bpf.Program{load(bpf.OffsetArch), equal(native, 1, 0), ret(bpf.RetKillProcess), load(bpf.OffsetNr), equal(read, 2, 0),
			equal(write, 3, 0), ret(bpf.RetErrno | 1), load(8), equal(7, 0, 1), ret(bpf.RetAllow), ret(bpf.RetErrno | 1)},
			func(d seccomp.Difference) bool { return d.Want == bpf.RetAllow && d.Call.Nr == read }, "read: its answer depends on the instruction pointer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := seccomp.FromProgram(c.program)
			if err != nil {
				t.Fatal(err)
			}
			w, err := (&Filter{"x.bpf", c.program, d}).Policy("m")
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, diff := range w.Differences {
				found = found || c.differs(diff)
				if got := c.program.Run(diff.Call); got != diff.Want {
					t.Errorf("%v, and the filter answers %#x", &diff, got)
				}
			}
			if !found {
				t.Errorf("no such difference in %v", w.Differences)
			}
			if said := strings.Join(w.Unsaid, "\n"); !strings.Contains(said, c.unsaid) {
				t.Errorf("%q, want %q", said, c.unsaid)
			}
		})
	}
}

func TestCorrupt(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":   {"", "x.bpf: check a filter: 0 instructions"},
		"cut off": {"12345678abc", "x.bpf: decode a filter: 11 bytes"},
		"jump":    {"\x05\x00\x00\x00\xff\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00", "x.bpf: check a filter: instruction 0 ("},
		"no end":  {"\x20\x00\x00\x00\x00\x00\x00\x00", "the last instruction"},
		"opcode":  {"\xff\xff\x00\x00\x00\x00\x00\x00", "instruction 0 ("},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read("x.bpf", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// FuzzPolicy: what is made of a filter is a policy, and the differences are all there are.
func FuzzPolicy(f *testing.F) {
	for _, s := range []string{`allow: [read, {call: socket, when: "family == 2 && (type & 15) == 1"}]`,
		`allow: [read, {call: dup2, when: "oldfd < 7"}]`} {
		d, err := seccomp.Resolve(section(f, s))
		if err != nil {
			f.Fatal(err)
		}
		e, err := seccomp.Emit(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Program)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 100*bpf.InstructionSize { // a longer one takes seconds and shows nothing else
			return
		}
		x, err := Read("x.bpf", text)
		if err != nil {
			return
		}
		w, err := x.Policy("")
		if err != nil && len(w.Text) == 0 { // it allows nothing
			return
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, w.Text)
		}
		for _, d := range w.Differences {
			if got := x.Program.Run(d.Call); got != d.Want {
				t.Fatalf("%v, and the filter answers %#x", &d, got)
			}
		}
	})
}
