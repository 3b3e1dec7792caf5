package oci

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

type jsonProfile struct {
	DefaultAction   string     `json:"defaultAction"`
	DefaultErrnoRet *uint16    `json:"defaultErrnoRet,omitempty"`
	Architectures   []string   `json:"architectures"`
	Syscalls        []jsonRule `json:"syscalls"`
}

type jsonRule struct {
	Names    []string  `json:"names"`
	Action   string    `json:"action"`
	ErrnoRet *uint16   `json:"errnoRet,omitempty"`
	Args     []jsonArg `json:"args,omitempty"`
}

type jsonArg struct {
	Index    int    `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo,omitempty"`
	Op       string `json:"op"`
}

// exporter makes a profile of a section.
type exporter struct {
	section          policy.Seccomp
	arches           []seccomp.Arch
	catalogs         map[seccomp.Arch]policy.Catalog
	denied, fallback uint32
	whole            map[uint32][]string // names by answer
	rules            []jsonRule
	errs             exchange.Errors
	notes            []exchange.Note
}

// Export writes the seccomp section of a policy as a profile of the runtime specification. What it returns was read back and proved to answer every
// call of the open architectures as the section does; where that cannot be had, the error, an [exchange.Errors] with places of the policy, says which
// rule a profile cannot express, or which call would be answered differently. Notes tell what a profile has no word for.
func Export(s policy.Seccomp) ([]byte, []exchange.Note, error) {
	want, err := seccomp.Resolve(s)
	if err != nil {
		return nil, nil, fmt.Errorf("export a profile: %w", err)
	}
	x := &exporter{section: s, catalogs: map[seccomp.Arch]policy.Catalog{}, whole: map[uint32][]string{}}
	for _, a := range s.Architectures {
		arch, known := seccomp.ArchByName(a.V)
		if !known {
			arch = seccomp.Native()
		}
		if !slices.Contains(x.arches, arch) {
			x.arches = append(x.arches, arch)
		}
	}
	if len(x.arches) == 0 {
		x.arches = []seccomp.Arch{seccomp.Native()}
	}
	for _, a := range x.arches {
		x.catalogs[a] = a.Catalog()
	}
	x.denied = answerOf(s.Denied, bpf.RetErrno|1)
	x.fallback = answerOf(s.Default, bpf.RetErrno|38)
	x.calls()
	x.note(s.Pos, "a profile does not say what closed architectures get: the policy kills the process, and libseccomp the thread")
	if err := x.errs.Err(); err != nil {
		return nil, nil, err
	}
	text, err := x.json()
	if err != nil {
		return nil, nil, fmt.Errorf("export a profile: %w", err)
	}
	if err := x.prove(text, want); err != nil {
		return nil, nil, err
	}
	return text, exchange.Sorted(x.notes), nil
}

func (x *exporter) note(pos policy.Pos, format string, args ...any) {
	x.notes = append(x.notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

func answerOf(a policy.Value[policy.Action], preset uint32) uint32 {
	if !a.Set() && a.V == (policy.Action{}) {
		return preset
	}
	return seccomp.Answer(a.V)
}

// calls makes the rules for every call of the open architectures.
func (x *exporter) calls() {
	allow, deny := x.byName(x.section.Allow), x.byName(x.section.Deny)
	done := map[string]bool{}
	for _, arch := range x.arches {
		for name := range arch.Calls() {
			if !done[name] {
				done[name] = true
				x.call(arch, name, allow[name], deny[name])
			}
		}
	}
}

// byName returns rules by name, with the members of groups that only other architectures have.
func (x *exporter) byName(rules []policy.Call) map[string][]policy.Call {
	out := map[string][]policy.Call{}
	for _, c := range rules {
		out[c.Name] = append(out[c.Name], c)
	}
	for _, c := range rules {
		for _, arch := range x.arches {
			if c.Group == "" || arch == seccomp.Native() {
				continue
			}
			for _, name := range x.catalogs[arch].Groups[c.Group] {
				if _, native := seccomp.Number(name); !native && !slices.ContainsFunc(out[name], func(o policy.Call) bool { return o.Group == c.Group }) {
					like := c
					like.Name = name
					out[name] = append(out[name], like)
				}
			}
		}
	}
	return out
}

// region is where a call gets an answer.
type region struct {
	rule      policy.Call
	answer    uint32
	condition *policy.Condition
}

// call makes the rules for one call: what a rule is about, without what a stronger one is about.
func (x *exporter) call(arch seccomp.Arch, name string, allow, deny []policy.Call) {
	var regions []region // the strongest first
	for _, c := range deny {
		r := region{rule: c, answer: x.denied}
		if c.Answer != nil {
			r.answer = seccomp.Answer(*c.Answer)
		}
		regions = append(regions, r)
	}
	slices.SortStableFunc(regions, func(a, b region) int {
		if (a.rule.Answer != nil) != (b.rule.Answer != nil) {
			if a.rule.Answer != nil {
				return -1
			}
			return 1
		}
		return int(int32(bpf.Action(a.answer))>>16) - int(int32(bpf.Action(b.answer))>>16)
	})
	for _, c := range allow {
		regions = append(regions, region{rule: c, answer: bpf.RetAllow})
	}
	regions = append(regions, region{rule: policy.Call{Name: name}, answer: x.denied})
	for i := range regions {
		r := &regions[i]
		r.condition = &policy.Condition{}
		if r.rule.When != nil {
			var err error
			if r.condition, err = r.rule.When.Lower(name, x.catalogs[arch]); err != nil {
				x.errs = append(x.errs, exchange.Errorf(r.rule.Pos, "%v", err))
				return
			}
		}
		if err := x.region(name, *r, regions[:i]); err != nil {
			x.errs = append(x.errs, exchange.Errorf(r.rule.Pos, "the rule for %s cannot be carried: %v", name, err))
			return
		}
	}
}

// region makes the rules for a condition where no rule before it has another answer.
func (x *exporter) region(name string, r region, before []region) error {
	if r.answer == x.fallback {
		return nil
	}
	here, err := alternatives(r.condition, false)
	if err != nil {
		return err
	}
	for _, b := range before {
		if b.answer == r.answer {
			continue
		}
		not, err := alternatives(b.condition, true)
		if err != nil {
			return err
		}
		if here, err = both(here, not); err != nil {
			return err
		}
	}
	for _, and := range here {
		rules, err := single(and)
		if err != nil {
			return err
		}
		for _, compare := range rules {
			x.rule(name, r.answer, compare)
		}
	}
	return nil
}

// rule adds one rule.
func (x *exporter) rule(name string, answer uint32, compare []Comparison) {
	if len(compare) == 0 {
		x.whole[answer] = append(x.whole[answer], name)
		return
	}
	r := jsonRule{Names: []string{name}}
	r.Action, r.ErrnoRet = actionWord(answer), errnoOf(answer)
	for _, c := range compare {
		switch {
		case c.Mask == ^uint64(0):
			r.Args = append(r.Args, jsonArg{Index: c.Arg, Value: c.Value, Op: relationWord(c.Op)})
		case c.Mask != 0:
			r.Args = append(r.Args, jsonArg{Index: c.Arg, Value: c.Mask, ValueTwo: c.Value, Op: "SCMP_CMP_MASKED_EQ"})
		}
	}
	x.rules = append(x.rules, r)
}

func errnoOf(answer uint32) *uint16 {
	if bpf.Action(answer) != bpf.RetErrno {
		return nil
	}
	value := bpf.Value(answer)
	return &value
}

func (x *exporter) json() ([]byte, error) {
	p := jsonProfile{DefaultAction: actionWord(x.fallback), DefaultErrnoRet: errnoOf(x.fallback)}
	for _, a := range x.arches {
		p.Architectures = append(p.Architectures, archWord(a))
	}
	for _, answer := range slices.Sorted(maps.Keys(x.whole)) {
		names := slices.Compact(slices.Sorted(slices.Values(x.whole[answer])))
		p.Syscalls = append(p.Syscalls, jsonRule{Names: names, Action: actionWord(answer), ErrnoRet: errnoOf(answer)})
	}
	p.Syscalls = append(p.Syscalls, x.rules...)
	text, err := json.MarshalIndent(p, "", "\t")
	return append(text, '\n'), err
}

// maxShown is how many differences an error shows.
const maxShown = 64

// prove reads a profile back and compares.
func (x *exporter) prove(text []byte, want *seccomp.Decision) error {
	p, err := Parse(text, Options{File: "export", Arch: x.arches[0], Closed: bpf.RetKillProcess})
	if err != nil {
		return fmt.Errorf("read the exported profile back; this is a bug of ours, please report it: %w", err)
	}
	got, err := p.Decision()
	if err != nil {
		return err
	}
	var lines []string
	upper := false
	for _, d := range seccomp.Compare(want, got, maxShown) {
		call := d.Call
		arch := p.archFor(call)
		if narrow(arch) {
			for i := range call.Args {
				call.Args[i] &= 0xffffffff
			}
			if want.Want(call) == got.Want(call) {
				upper = true
				continue
			}
		}
		lines = append(lines, fmt.Sprintf("%s on %s with %#x: the policy answers %s, a profile %s", arch.CallName(call.Nr), arch, call.Args,
			bpf.Describe(want.Want(call)), bpf.Describe(got.Want(call))))
	}
	if upper {
		x.note(x.section.Pos, "on x86, x32 and arm, libseccomp does not look at the upper halves of registers, and the policy does")
	}
	if len(lines) > 0 {
		return exchange.Errors{exchange.Errorf(x.section.Pos, "no profile answers as the policy does: %s", strings.Join(lines, "; "))}
	}
	return nil
}
