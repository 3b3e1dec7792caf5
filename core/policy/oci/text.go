package oci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// PolicyOptions say what a policy made of a profile looks like.
type PolicyOptions struct {
	Module string // the name of its module; "container" when empty
	// Prototype tells what a call of an architecture takes; nil stands for the tables of package seccomp.
	Prototype func(arch seccomp.Arch, call string) (policy.Prototype, bool)
}

// policyWriter collects the rules of a policy.
type policyWriter struct {
	p       *Profile
	opt     PolicyOptions
	notes   []exchange.Note
	open    bool     // the default allows
	native  []string // allowed, of the host's architecture
	foreign []string // allowed, of others only
	allow   []string // rules with a condition
	deny    []string
	raw     bool
}

// Policy writes the profile as a policy of one module, and what of it the policy does not have: the profile's Notes and more. A container profile
// knows nothing of the program, so the module's command and file system are there to be replaced.
func (p *Profile) Policy(o PolicyOptions) ([]byte, []exchange.Note) {
	w := &policyWriter{p: p, opt: o, notes: slices.Clone(p.Notes), open: p.Default == bpf.RetAllow}
	seen := map[string]bool{}
	byName := map[string][]Rule{}
	rules := p.expanded()
	for _, r := range rules {
		byName[r.Call] = append(byName[r.Call], r)
	}
	for _, r := range rules {
		if arch := p.home(r.Call); arch != 0 && !seen[r.Call] {
			seen[r.Call] = true
			w.call(arch, r.Call, byName[r.Call])
		}
	}
	if w.open {
		for _, arch := range p.Arches {
			for name := range arch.Calls() {
				if !seen[name] {
					seen[name] = true
					w.allowed(name)
				}
			}
		}
	}
	if w.raw && slices.ContainsFunc(p.Arches, narrow) && !narrow(p.Arches[0]) {
		w.note(p.start, "on x86, x32 and arm, a condition with raw64 looks at the upper half of the register too, which libseccomp does not")
	}
	return w.text(), exchange.Sorted(w.notes)
}

// home returns the first open architecture that has a call.
func (p *Profile) home(call string) seccomp.Arch {
	for _, a := range p.Arches {
		if _, has := a.Number(call); has {
			return a
		}
	}
	return 0
}

func (w *policyWriter) note(pos policy.Pos, format string, args ...any) {
	w.notes = append(w.notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

func (w *policyWriter) allowed(call string) {
	if _, has := w.p.Arches[0].Number(call); has {
		w.native = append(w.native, call)
	} else {
		w.foreign = append(w.foreign, call)
	}
}

// call writes the rules for one call, of which those count that resolve keeps.
func (w *policyWriter) call(arch seccomp.Arch, call string, rules []Rule) {
	if i := slices.IndexFunc(rules, func(r Rule) bool { return len(r.Compare) == 0 }); i >= 0 {
		w.rule(arch, call, rules[i], "")
		return
	}
	if w.open {
		w.allowed(call)
	}
	written := map[string]bool{}
	for _, r := range rules {
		prototype, known := policy.Prototype{}, false
		if w.opt.Prototype != nil {
			prototype, known = w.opt.Prototype(arch, call)
		} else {
			prototype, known = arch.Prototype(call)
		}
		if !known {
			w.lost(r, "the parameters of "+call+" are not in the table")
			continue
		}
		condition, raw, possible, err := r.condition(arch, prototype)
		switch {
		case err != nil:
			w.lost(r, err.Error())
		case !possible:
			w.note(r.Pos, "the rule for %s is left out: no argument meets its conditions", call)
		case written[condition]:
		default:
			w.raw = w.raw || raw
			written[condition] = true
			w.rule(arch, call, r, condition)
		}
	}
}

// lost notes a rule that cannot be carried.
func (w *policyWriter) lost(r Rule, why string) {
	result := "so the call is not allowed by it"
	if r.Answer != bpf.RetAllow {
		result = "so the call is not answered with " + bpf.Describe(r.Answer)
	}
	w.note(r.Pos, "a condition on %s cannot be carried, %s: %s", r.Call, result, why)
}

// rule writes one rule.
func (w *policyWriter) rule(arch seccomp.Arch, call string, r Rule, condition string) {
	keys := "call: " + exchange.Scalar(call)
	if condition != "" {
		keys += ", when: " + exchange.Scalar(condition)
	}
	if arch != w.p.Arches[0] {
		keys += ", if_supported: true"
	}
	action, known := policyAction(r.Answer)
	switch {
	case r.Answer == bpf.RetAllow && condition == "":
		w.allowed(call)
	case r.Answer == bpf.RetAllow:
		w.allow = append(w.allow, fmt.Sprintf("- {%s}   # line %d", keys, r.Pos.Line))
	case !known:
		w.note(r.Pos, "%s for %s cannot be carried: the policy language has no such action; it is denied", bpf.Describe(r.Answer), call)
		w.deny = append(w.deny, fmt.Sprintf("- {%s}   # line %d", keys, r.Pos.Line))
	default:
		w.deny = append(w.deny, fmt.Sprintf("- {%s, action: %s}   # line %d", keys, action, r.Pos.Line))
	}
}

// defaultAction returns the action for what no rule is about.
func (w *policyWriter) defaultAction() string {
	action, known := policyAction(w.p.Default)
	switch {
	case w.open:
		w.note(w.p.start, "the default is to allow: all calls that the table has are allowed, and numbers that it does not have are answered with errno "+
			"ENOSYS")
		return "errno ENOSYS"
	case !known:
		w.note(w.p.start, "the default %s cannot be carried: the policy language has no such action; it is errno EPERM", bpf.Describe(w.p.Default))
		return "errno EPERM"
	}
	return action.String()
}

// text puts the policy together.
func (w *policyWriter) text() []byte {
	module := cmp.Or(w.opt.Module, "container")
	arches := []string{"native"}
	for _, a := range w.p.Arches[1:] {
		arches = append(arches, a.Name())
	}
	byDefault := w.defaultAction()
	denied := byDefault
	if w.open {
		denied = "errno EPERM"
	}
	if w.p.Closed != bpf.RetKillProcess {
		w.note(w.p.start, "an architecture that is not open is answered with kill_process and not with %s", bpf.Describe(w.p.Closed))
	}
	var b strings.Builder
	b.WriteString(exchange.Comment("", fmt.Sprintf("Made of the seccomp profile %s for %s.", w.p.File, w.p.Arches[0].Name())))
	for _, n := range exchange.Sorted(w.notes) {
		b.WriteString(exchange.Comment("", "not carried: "+n.String()))
	}
	fmt.Fprintf(&b, "version: 1\n\nmodules:\n  %s:\n", exchange.Scalar(module))
	b.WriteString("    # The profile says nothing of the program: put its command, its user and its files here.\n")
	b.WriteString("    command: [/usr/bin/true]\n    user: {dynamic: true}\n    filesystem:\n")
	b.WriteString("      - {path: /usr, access: rx}\n      - {path: /lib, access: rx, if_exists: true}\n      - {path: /lib64, access: rx, " +
		"if_exists: true}\n")
	if entry := w.p.proc.entry(); entry != "" {
		b.WriteString("      - " + entry + "\n")
	}
	fmt.Fprintf(&b, "    seccomp:\n      architectures: [%s]\n      default: %s\n      denied: %s\n", strings.Join(arches, ", "), byDefault, denied)
	if len(w.native)+len(w.foreign)+len(w.allow) == 0 {
		b.WriteString("      allow: []\n")
	} else {
		b.WriteString("      allow:\n" + exchange.Lists("        ", w.native))
	}
	if len(w.foreign) > 0 {
		b.WriteString("        # Calls of the other open architectures only.\n")
		for _, line := range strings.Split(strings.TrimSpace(exchange.Lists("", w.foreign)), "\n") {
			fmt.Fprintf(&b, "        - {call: %s, if_supported: true}\n", strings.TrimPrefix(line, "- "))
		}
	}
	for _, rule := range w.allow {
		b.WriteString("        " + rule + "\n")
	}
	if len(w.deny) > 0 {
		b.WriteString("      deny:\n")
	}
	for _, rule := range w.deny {
		b.WriteString("        " + rule + "\n")
	}
	return []byte(b.String())
}
