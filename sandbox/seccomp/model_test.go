package seccomp

import (
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// model is what a section says, read in the plainest way: it is what everything is compared with.
type model struct {
	section    policy.Seccomp
	conditions map[*policy.Expr]*policy.Condition
}

func (m model) lower(c policy.Call, _ Arch) (*policy.Condition, error) {
	return m.conditions[c.When], nil
}

func (m model) decision(t testing.TB) *Decision {
	t.Helper()
	d, err := resolve(m.section, m.lower)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func action(v policy.Value[policy.Action], otherwise uint32) uint32 {
	if v.Set() {
		if err := setAnswer(&otherwise, v); err != nil {
			panic(err)
		}
	}
	return otherwise
}

func (m model) want(d bpf.Data) uint32 {
	open := []Arch{Native()}
	if len(m.section.Architectures) > 0 {
		open = nil
		for _, a := range m.section.Architectures {
			arch, known := ArchByName(a.V)
			if !known {
				arch = Native()
			}
			open = append(open, arch)
		}
	}
	isX32 := d.Arch == X8664.Audit() && d.Nr >= 0x40000000 && d.Nr != 0xffffffff
	var of Arch
	for _, a := range open {
		if a.Audit() == d.Arch && (a == X32 && (isX32 || d.Nr == 0xffffffff) || a != X32 && !isX32) {
			of = a
		}
	}
	if of == 0 {
		return bpf.RetKillProcess
	}
	name := of.CallName(d.Nr)
	if name == "" {
		return action(m.section.Default, bpf.RetErrno|38)
	}
	holds := func(c policy.Call) bool {
		condition := m.conditions[c.When]
		return c.Name == name && (condition == nil || condition.Holds(d.Args))
	}
	var answers []uint32
	denied := false
	for _, c := range m.section.Deny {
		if holds(c) {
			denied = true
			if c.Answer != nil {
				answers = append(answers, action(policy.Value[policy.Action]{V: *c.Answer, Pos: at(1)}, 0))
			}
		}
	}
	rank := []uint32{bpf.RetKillProcess, bpf.RetKillThread, bpf.RetTrap, bpf.RetErrno, bpf.RetLog, bpf.RetAllow}
	for _, r := range rank {
		if i := slices.IndexFunc(answers, func(a uint32) bool { return bpf.Action(a) == r }); i >= 0 {
			return answers[i]
		}
	}
	if !denied && slices.ContainsFunc(m.section.Allow, holds) {
		return bpf.RetAllow
	}
	return action(m.section.Denied, bpf.RetErrno|1)
}

// allowing is the model of a section that allows what groups and calls name.
func allowing(names ...string) model {
	var m model
	groups := Catalog().Groups
	for _, n := range names {
		members, isGroup := groups[n]
		if !isGroup {
			m.section.Allow = append(m.section.Allow, policy.Call{Name: n, Pos: at(1)})
		}
		for _, name := range members {
			m.section.Allow = append(m.section.Allow, policy.Call{Name: name, Group: n, Pos: at(1)})
		}
	}
	return m
}

// when makes the latest rule of a list depend on a condition.
func (m *model) when(calls []policy.Call, c *policy.Condition) {
	e := &policy.Expr{Text: "a condition", Pos: at(1)}
	if m.conditions == nil {
		m.conditions = map[*policy.Expr]*policy.Condition{}
	}
	m.conditions[e] = c
	calls[len(calls)-1].When = e
}

func compared(arg, width int, signed bool, mask uint64, op policy.Relation, value uint64) *policy.Condition {
	c := policy.Comparison{Arg: arg, Width: width, Signed: signed, Mask: mask, Value: value, Op: op}
	return &policy.Condition{Op: policy.CondCompare, Compare: c}
}

func all(of ...*policy.Condition) *policy.Condition {
	return &policy.Condition{Op: policy.CondAnd, Of: of}
}
func oneOf(of ...*policy.Condition) *policy.Condition {
	return &policy.Condition{Op: policy.CondOr, Of: of}
}
func not(c *policy.Condition) *policy.Condition {
	return &policy.Condition{Op: policy.CondNot, Of: []*policy.Condition{c}}
}

func setTo(kind policy.ActionKind, errno uint16) policy.Value[policy.Action] {
	return policy.Value[policy.Action]{V: policy.Action{Kind: kind, Errno: errno}, Pos: at(1)}
}

// withArguments is a service with argument rules of every kind.
func withArguments() model {
	m := allowing("@basic-io", "@signal", "futex")
	rule := func(name string, c *policy.Condition) {
		m.section.Allow = append(m.section.Allow, policy.Call{Name: name, Pos: at(1)})
		m.when(m.section.Allow, c)
	}
	eq := func(arg int, v uint64) *policy.Condition {
		return compared(arg, 32, false, 0xffffffff, policy.RelEq, v)
	}
	rule("socket", all(oneOf(eq(0, 1), eq(0, 2), eq(0, 10)), compared(1, 32, false, 0xf, policy.RelEq, 1)))
	rule("mmap", not(all(compared(2, 32, false, 2, policy.RelNe, 0), compared(2, 32, false, 4, policy.RelNe, 0))))
	rule("clone", compared(0, 64, false, 0x7e020000, policy.RelEq, 0))
	rule("personality", oneOf(eq(0, 0), eq(0, 8), eq(0, 0x20000), eq(0, 0x20008), eq(0, 0xffffffff)))
	rule("ioctl", compared(1, 32, false, 0xffffffff, policy.RelNe, 0x5412))
	rule("prlimit64", compared(2, 64, false, ^uint64(0), policy.RelEq, 0))
	rule("setpriority", all(compared(2, 32, true, 0xffffffff, policy.RelGe, 0xfffffff6), compared(2, 32, true, 0xffffffff, policy.RelLt, 5)))
	rule("lseek", compared(1, 64, true, ^uint64(0), policy.RelGe, 0))
	rule("mremap", compared(2, 64, false, ^uint64(0), policy.RelLe, 0x1_0000_0000))
	m.section.Deny = append(m.section.Deny, policy.Call{Name: "clone3", Answer: &policy.Action{Kind: policy.ActionErrno, Errno: 38}, Pos: at(1)})
	m.section.Deny = append(m.section.Deny, policy.Call{Name: "read", Answer: &policy.Action{Kind: policy.ActionKillProcess}, Pos: at(1)})
	m.when(m.section.Deny, eq(0, 77))
	return m
}
