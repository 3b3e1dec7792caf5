package diff

import (
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// maxDifferences bounds what is shown of two decision functions. It is above the number of calls that there are.
const maxDifferences = 1 << 14

// seccomp compares the decision functions.
func (p pair) seccomp() error {
	a, b := p.setA, p.setB
	whole := map[seccomp.Arch]bool{}
	unnamed := map[[3]uint32]bool{}
	for _, d := range seccomp.Compare(a.Decision(), b.Decision(), maxDifferences) {
		arch := archOf(d.Call)
		if arch == 0 {
			return fmt.Errorf("%s: %w", p.of, &d)
		}
		before, after := slices.Contains(a.Arches(), arch), slices.Contains(b.Arches(), arch)
		switch {
		case before != after && whole[arch]:
		case before != after:
			// A call of the table that is open shows more than the first number that differs.
			if data, found := anyOpen(a, b, arch, after); found {
				whole[arch] = true
				words := map[bool]string{true: "open", false: "closed"}
				p.decided(a, b, arch, data, "the system calls of "+arch.Name()+" are "+words[after])
			}
		default:
			p.numbers(a, b, arch, d)
			// All numbers that are no calls have one answer; that they are in several ranges says nothing.
			if id := [3]uint32{uint32(arch), d.Want, d.Got}; !unnamed[id] {
				unnamed[id] = p.unnamed(a, b, arch, d)
			}
		}
	}
	return nil
}

// archOf returns the architecture of a call, or 0.
func archOf(d bpf.Data) seccomp.Arch {
	for _, a := range seccomp.Arches() {
		if a.Audit() == d.Arch && a != seccomp.X32 {
			if a == seccomp.X8664 && d.Nr&x32Bit != 0 && d.Nr != noCall {
				return seccomp.X32
			}
			return a
		}
	}
	return 0
}

// The bit of the numbers of x32, and the number that a tracer sets so that a call is not made. Source: asm/unistd.h, ptrace(2).
const (
	x32Bit = 0x40000000
	noCall = 0xffffffff
)

// anyOpen returns a call of the architecture that the policy in which it is open lets through.
func anyOpen(a, b *reach.Set, arch seccomp.Arch, after bool) (bpf.Data, bool) {
	set := a
	if after {
		set = b
	}
	for name := range arch.Calls() {
		if d, found, err := set.Allowed(arch, name, nil); found && err == nil {
			return d, true
		}
	}
	return bpf.Data{}, false
}

// numbers adds a change for each call of the table in the range of a difference.
func (p pair) numbers(a, b *reach.Set, arch seccomp.Arch, d seccomp.Difference) {
	for name, nr := range arch.Calls() {
		if nr < d.First || nr > d.Last {
			continue
		}
		data := d.Call
		data.Nr = nr
		p.decided(a, b, arch, data, name)
	}
}

// unnamed adds a change for a number in the range of a difference that is no call of the table, if there is one.
func (p pair) unnamed(a, b *reach.Set, arch seccomp.Arch, d seccomp.Difference) bool {
	data := d.Call
	for data.Nr = d.First; arch.CallName(data.Nr) != ""; data.Nr++ {
		if data.Nr == d.Last {
			return false
		}
	}
	p.decided(a, b, arch, data, "numbers that are no system calls of the table")
	return true
}

// decided adds a change with a call that the two answer differently; ask them again, and do not believe the comparison.
func (p pair) decided(a, b *reach.Set, arch seccomp.Arch, data bpf.Data, what string) {
	before, after := a.Want(data), b.Want(data)
	if before == after {
		return
	}
	d := Other
	if reach.Open(before) != reach.Open(after) {
		d = direction(reach.Open(after))
	}
	p.Changes = append(p.Changes, Change{
		Direction: d, Of: p.of, Key: "seccomp", Message: fmt.Sprintf("%s: %s, before: %s", what, call.Answer(after), call.Answer(before)),
		A: place(a, arch, data, p.a), B: place(b, arch, data, p.b),
		Witness: &Witness{Call: data, Arch: arch.Name(), Text: call.Describe(data, call.On(arch)), A: before, B: after},
	})
}

func place(s *reach.Set, arch seccomp.Arch, data bpf.Data, m *policy.Module) policy.Pos {
	return or(s.Place(arch, data), m.Pos)
}
