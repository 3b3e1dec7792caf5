package policy

import (
	"fmt"
	"testing"
)

func TestMerging(t *testing.T) {
	text := `version: 1
profiles:
  base:
    command: [/bin/base, -a]
    capabilities: [net_admin]
    environment: {A: base, B: base}
    rlimits: {nofile: {soft: 100, hard: 200}, core: 0}
    resources: {pids.max: 10, memory.max: 1G}
    filesystem: [{path: /base}]
    seccomp: {denied: errno EACCES, allow: [read]}
    user: base
  left:
    extends: base
    environment: [B=left, C=left]
    filesystem: [{path: /left}]
    user: left
  right:
    extends: [base]
    filesystem: [{path: /right}]
    rlimits: {nofile: 300}
modules:
  m:
    extends: [left, right]
    command: [/bin/m]
    environment: {C: m}
    filesystem: [{path: /m}]
    resources: {memory.max: max}
    rlimits: {nofile: {soft: 50, hard: 60}}
  other:
    extends: right
    capabilities: [CAP_KILL]
`
	p, ds := Parse("p.yaml", []byte(text), testOptions())
	if p == nil {
		t.Fatal(ds)
	}
	show := func(m Module) string {
		s := fmt.Sprint(m.User.V, " ", len(m.Command), m.Command[0].V)
		for _, v := range m.Environment {
			s += fmt.Sprintf(" %s=%s", v.Name, v.Value)
		}
		for _, f := range m.Filesystem {
			s += " " + f.Path
		}
		for _, r := range m.Rlimits {
			s += fmt.Sprintf(" %s %d:%d", r.Name, r.Soft, r.Hard)
		}
		for _, r := range m.Resources {
			s += fmt.Sprintf(" %s %d", r.Key, r.Limit)
		}
		for _, c := range m.Capabilities {
			s += " " + c.V.String()
		}
		return s
	}
	for i, want := range []string{
		"left 1/bin/m A=base B=left C=m /base /left /right /m core 0:0 nofile 50:60 memory.max -1 pids.max 10 CAP_NET_ADMIN",
		"base 2/bin/base A=base B=base /base /right core 0:0 nofile 300:300 memory.max 1073741824 pids.max 10 CAP_NET_ADMIN CAP_KILL",
	} {
		if got := show(p.Modules[i]); got != want {
			t.Errorf("module %s\n got %s\nwant %s", p.Modules[i].Name, got, want)
		}
	}
	if got := p.Modules[0].Seccomp.Denied.V; got != (Action{ActionErrno, 13}) {
		t.Errorf("denied is %+v", got)
	}
}

func TestPositionsOfMergedValuesAreWhereTheyAreWritten(t *testing.T) {
	text := "version: 1\nprofiles:\n  p:\n    user: x\n    seccomp: {allow: [read]}\n" +
		"modules:\n  m:\n    extends: p\n    command: [/bin/m]\n    filesystem: [{path: /bin}]\n"
	p, ds := Parse("p.yaml", []byte(text), testOptions())
	if p == nil {
		t.Fatal(ds)
	}
	m := p.Modules[0]
	if m.User.Pos.Line != 4 || m.Seccomp.Allow[0].Pos.Line != 5 || m.Pos.Line != 7 || m.Command[0].Pos.Line != 9 {
		t.Errorf("positions %v %v %v %v", m.User.Pos, m.Seccomp.Allow[0].Pos, m.Pos, m.Command[0].Pos)
	}
}
