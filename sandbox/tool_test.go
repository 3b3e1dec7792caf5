package sandbox

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

func TestTool(t *testing.T) {
	ordinary := aliceInside().facts
	ordinary.UserNS.Initial, ordinary.Capabilities = true, host.CapabilityFacts{Last: 40}
	old := debian().facts
	old.Landlock.ABI = 0
	tests := []struct {
		name   string
		facts  host.Facts
		uid    string
		drops  bool
		landed bool
	}{
		{"root", debian().facts, "0xfffe", true, true},
		{"ordinary user", ordinary, "0x3e8", false, true},
		{"inside a user namespace", aliceInside().facts, "0x3e8", true, true},
		{"without landlock", old, "0xfffe", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			filter := Filter{Program: make([]byte, 8*9), Cookie: []int{4, 12}}
			p := CompileTool(Tool{Name: "compile", Executable: "program", Argv: []string{"supervisor", "role:compile"}, Channel: "channel",
				CPUSeconds: 7, Facts: tt.facts, Filter: filter})
			checkWellFormed(t, p)
			text := explain(t, p)
			for want, there := range map[string]bool{
				"expect real of getresuid == " + tt.uid:       true,
				"prctl(PR_CAPBSET_DROP":                       tt.drops,
				"capset(":                                     tt.drops,
				"landlock_restrict_self(":                     tt.landed,
				"seccomp(SECCOMP_SET_MODE_FILTER":             true,
				"dup3(<channel>, 3, 0)":                       true,
				"execveat(<program>, \"\", ":                  true,
				"prlimit64(0, RLIMIT_CPU, {7, 7}, NULL)":      true,
				"prlimit64(0, RLIMIT_NOFILE, {16, 16}, NULL)": true,
				"prctl(PR_SET_PDEATHSIG, SIGKILL)":            true,
			} {
				if strings.Contains(text, want) != there {
					t.Errorf("%q is there: %v", want, !there)
				}
			}
			var calls []string
			for _, s := range p.Steps {
				call, _, _ := strings.Cut(s.Text, "(")
				calls = append(calls, call)
			}
			last := []string{"prctl", "landlock_restrict_self", "seccomp", "execveat"}
			if !tt.landed {
				last = []string{"prctl", "seccomp", "execveat"}
			}
			if !slices.Equal(calls[len(calls)-len(last):], last) {
				t.Errorf("the end is %v", calls[len(calls)-4:])
			}
			exec := p.Steps[len(p.Steps)-1]
			if env := array(t, p, exec.Args[3]); len(env) != 0 {
				t.Errorf("the environment is %q", env)
			}
			if argv := array(t, p, exec.Args[2]); !slices.Equal(argv, []string{"supervisor", "role:compile"}) {
				t.Errorf("argv is %q", argv)
			}
			// What it may do with files: execute, and read for that, its own program.
			for _, d := range p.Prepare {
				for _, r := range d.Rules {
					if p.Prepare[r.From].Path != "program" || r.Access&^(unix.LANDLOCK_ACCESS_FS_EXECUTE|unix.LANDLOCK_ACCESS_FS_READ_FILE) != 0 {
						t.Errorf("%#x below %s", r.Access, p.Prepare[r.From].Path)
					}
				}
			}
			if got := kinds(p); !slices.Equal(got, wantKinds(tt.landed)) {
				t.Errorf("prepared kinds %v", got)
			}
		})
	}
}

func kinds(p *program.Program) []program.PrepareKind {
	var out []program.PrepareKind
	for _, d := range p.Prepare {
		out = append(out, d.Kind)
	}
	return out
}

func wantKinds(landlock bool) []program.PrepareKind {
	out := []program.PrepareKind{program.Stdio, program.Stdio, program.Stdio, program.Listener, program.Listener}
	if landlock {
		out = append(out, program.Ruleset)
	}
	return out
}
