package oci

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// maxJump is how far a conditional jump goes.
const maxJump = 255

// Program returns a filter that answers as Answer does. It is made to be read by a prover, in the order of the numbers and without any cleverness,
// and
// may be longer than what a kernel takes.
func (p *Profile) Program() (bpf.Program, error) {
	out := bpf.Program{{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArch}}
	var audits []uint32
	for _, a := range p.Arches {
		if !slices.Contains(audits, a.Audit()) {
			audits = append(audits, a.Audit())
		}
	}
	for _, audit := range audits {
		block, err := p.block(audit)
		if err != nil {
			return nil, err
		}
		out = append(out, bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 1, K: audit}, bpf.Instruction{Code: bpf.JMP | bpf.JA, K: uint32(len(block))})
		out = append(out, block...)
	}
	return append(out, ret(p.Closed)), nil
}

func ret(answer uint32) bpf.Instruction { return bpf.Instruction{Code: bpf.RET | bpf.K, K: answer} }

// block answers the calls of one architecture value.
func (p *Profile) block(audit uint32) (bpf.Program, error) {
	out := bpf.Program{{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr}}
	for _, a := range p.Arches {
		if a.Audit() != audit {
			continue
		}
		decided := p.resolve(a)
		sorted := slices.Sorted(maps.Keys(decided))
		for i := 0; i < len(sorted); {
			first := sorted[i]
			last := first
			d := decided[first]
			for i++; d.whole && i < len(sorted) && sorted[i] == last+1; i++ {
				if more := decided[sorted[i]]; !more.whole || more.rules[0].Answer != d.rules[0].Answer {
					break
				}
				last++
			}
			body, err := p.body(a, d)
			if err != nil {
				return nil, fmt.Errorf("%s on %s: %w", d.rules[0].Call, a.Name(), err)
			}
			out = append(out,
				bpf.Instruction{Code: bpf.JMP | bpf.JGE | bpf.K, JF: 1, K: first},
				bpf.Instruction{Code: bpf.JMP | bpf.JGT | bpf.K, JF: 1, K: last},
				bpf.Instruction{Code: bpf.JMP | bpf.JA, K: uint32(len(body))})
			out = append(out, body...)
		}
	}
	return append(out, p.rest(audit)...), nil
}

// rest answers the numbers that no rule is about.
func (p *Profile) rest(audit uint32) bpf.Program {
	if audit != seccomp.X8664.Audit() {
		return bpf.Program{ret(p.Default)}
	}
	answer := func(nr uint32) uint32 {
		if p.archFor(bpf.Data{Nr: nr, Arch: audit}) == 0 {
			return p.Closed
		}
		return p.Default
	}
	return bpf.Program{
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 3, K: 0xffffffff}, // no call
		{Code: bpf.JMP | bpf.JGE | bpf.K, JT: 1, K: 0x40000000}, // x32
		ret(answer(0)),
		ret(answer(0x40000000)),
		ret(answer(0xffffffff)),
	}
}

// body answers one number: the rules one after another, then the default.
func (p *Profile) body(arch seccomp.Arch, d numbers) (bpf.Program, error) {
	var out bpf.Program
	for _, r := range d.rules {
		var tests []step
		for _, c := range r.Compare {
			tests = append(tests, compare(c.on(arch))...)
		}
		if len(tests) >= maxJump {
			return nil, fmt.Errorf("a rule with too many comparisons")
		}
		for i, s := range tests {
			s.JT, s.JF = s.yes.distance(i, tests), s.no.distance(i, tests)
			out = append(out, s.Instruction)
		}
		out = append(out, ret(r.Answer))
	}
	if !d.whole {
		out = append(out, ret(p.Default))
	}
	return out, nil
}

// target is where a step goes on.
type target uint8

const (
	following target = iota // to the next instruction
	holds                   // behind the comparison
	fails                   // behind the rule
)

// step is an instruction of a comparison.
type step struct {
	bpf.Instruction
	yes, no target
	last    bool // of a comparison
}

// distance returns how far it is from a step to a target.
func (t target) distance(i int, tests []step) uint8 {
	switch t {
	case holds:
		end := i
		for !tests[end].last {
			end++
		}
		return uint8(end - i)
	case fails:
		return uint8(len(tests) - i) // over the return
	}
	return 0
}

// compare returns the steps that go on behind themselves when a comparison without a sign holds.
func compare(c policy.Comparison) []step {
	var out []step
	load := func(offset, mask uint32) {
		out = append(out, step{Instruction: bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: offset}})
		if mask != 0xffffffff {
			out = append(out, step{Instruction: bpf.Instruction{Code: bpf.ALU | bpf.AND | bpf.K, K: mask}})
		}
	}
	jump := func(op uint16, k uint32, yes, no target) {
		out = append(out, step{Instruction: bpf.Instruction{Code: bpf.JMP | op | bpf.K, K: k}, yes: yes, no: no})
	}
	low, high := uint32(c.Value), uint32(c.Value>>32)
	if c.Width == 64 {
		load(bpf.OffsetArgHigh(c.Arg), uint32(c.Mask>>32))
		switch c.Op {
		case policy.RelEq:
			jump(bpf.JEQ, high, following, fails)
		case policy.RelNe:
			jump(bpf.JEQ, high, following, holds)
		case policy.RelGt, policy.RelGe:
			jump(bpf.JGT, high, holds, following)
			jump(bpf.JEQ, high, following, fails)
		default:
			jump(bpf.JGT, high, fails, following)
			jump(bpf.JEQ, high, following, holds)
		}
	}
	load(bpf.OffsetArgLow(c.Arg), uint32(c.Mask))
	switch c.Op {
	case policy.RelEq:
		jump(bpf.JEQ, low, following, fails)
	case policy.RelNe:
		jump(bpf.JEQ, low, fails, following)
	case policy.RelGt:
		jump(bpf.JGT, low, following, fails)
	case policy.RelGe:
		jump(bpf.JGE, low, following, fails)
	case policy.RelLt:
		jump(bpf.JGE, low, fails, following)
	default:
		jump(bpf.JGT, low, fails, following)
	}
	out[len(out)-1].last = true
	return out
}
