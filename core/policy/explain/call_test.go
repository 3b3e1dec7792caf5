package explain

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const text = `version: 1
profiles:
  base:
    seccomp:
      allow: ["@basic-io", "@network-io", kill]
modules:
  web:
    extends: base
    command: [/bin/true]
    user: nobody
    namespaces: [mount, pid, network]
    network: {mode: none}
    capabilities: [CAP_SYS_CHROOT]
    filesystem: [{path: /bin, access: rx}]
    seccomp:
      allow: [openat, chroot, mount, setns]
      deny: [socketpair]
`

func module(t *testing.T) *policy.Module {
	t.Helper()
	p, ds := policy.Parse("web.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog()})
	if p == nil {
		t.Fatal(ds)
	}
	return &p.Modules[0]
}

func TestCall(t *testing.T) {
	m := module(t)
	for call, want := range map[string][]string{
		"read":       {"allow, as one of @basic-io", "web.yaml:5:15"},
		"openat":     {"allow ", "web.yaml:16:15", "then filesystem decides", "web.yaml:14:"},
		"socket":     {"allow, as one of @network-io", "then network decides: mode none", "web.yaml:12:"},
		"socketpair": {"errno EPERM", "web.yaml:17:14"},
		"kill":       {"allow", "then namespaces decides", "web.yaml:11:"},
		"ptrace":     {"errno EPERM, denied: no rule allows it", "web.yaml:16:7"},
		"chroot":     {"allow", "chroot needs CAP_SYS_CHROOT, which the module has", "web.yaml:13:"},
		"mount":      {"allow", "mount needs CAP_SYS_ADMIN, which the module does not have"},
		"setns":      {"allow", "setns does more with CAP_SYS_CHROOT, which the module has", "web.yaml:13:"},
	} {
		t.Run(call, func(t *testing.T) {
			e, err := Call(m, call, seccomp.Catalog())
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := e.Text(&b); err != nil {
				t.Fatal(err)
			}
			for _, w := range want {
				if !strings.Contains(b.String(), w) {
					t.Errorf("no %q in\n%s", w, &b)
				}
			}
		})
	}
}

func TestCallWithConditions(t *testing.T) {
	m := module(t)
	m.Seccomp.Allow = []policy.Call{{Name: "socket", When: &policy.Expr{Text: "family == AF_INET"}, Pos: policy.Pos{File: "w", Line: 1, Col: 1}}}
	answer := &policy.Action{Kind: policy.ActionErrno, Errno: 38}
	m.Seccomp.Deny = []policy.Call{{Name: "clone3", Answer: answer, Pos: policy.Pos{File: "w", Line: 2, Col: 1}}}
	e, err := Call(m, "socket", seccomp.Catalog())
	if err != nil || e.Answer != "errno EPERM" || len(e.Rules) != 1 || e.Rules[0].When != "family == AF_INET" {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = Call(m, "clone3", seccomp.Catalog())
	if err != nil || e.Answer != "errno ENOSYS" || e.Pos.Line != 2 || len(e.Layers) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestResources: a limit is named where it is about what the call uses.
func TestResources(t *testing.T) {
	m := module(t)
	m.Resources = []policy.Resource{{Key: "io.max", Device: "/srv", Pos: policy.Pos{File: "w", Line: 1, Col: 1}}, {Key: "pids.max", Pos: policy.Pos{File: "w", Line: 2, Col: 1}}}
	m.Seccomp.Allow = []policy.Call{{Name: "fsync"}, {Name: "clone3"}, {Name: "getpid"}}
	for call, line := range map[string]int{"fsync": 1, "clone3": 2, "getpid": 0} {
		e, err := Call(m, call, seccomp.Catalog())
		if err != nil || (len(e.Layers) == 1) != (line > 0) || line > 0 && (e.Layers[0].Name != "resources" || e.Layers[0].Pos.Line != line) {
			t.Errorf("%s: %+v, %v; want line %d", call, e.Layers, err, line)
		}
	}
}

func TestUnknownCall(t *testing.T) {
	if _, err := Call(module(t), "wirte", seccomp.Catalog()); err == nil || !strings.Contains(err.Error(), `"wirte" is no system call`) {
		t.Errorf("%v", err)
	}
}

// TestTables: what the tables name are calls, of some architecture.
func TestTables(t *testing.T) {
	known := map[string]bool{}
	for _, a := range seccomp.Arches() {
		for name := range a.Calls() {
			known[name] = true
		}
	}
	names := append(append(append([]string{}, byPath...), byNetwork...), append(append(append([]string{}, byProcess...), byMemory...), byDisk...)...)
	for _, name := range names {
		if !known[name] {
			t.Errorf("%q is no system call", name)
		}
	}
}
