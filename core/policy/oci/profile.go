package oci

import (
	"cmp"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Options say for which container and host a profile is read.
type Options struct {
	File string       // for places; "profile.json" when empty
	Arch seccomp.Arch // the host's architecture; the one of this program when zero
	// Capabilities are those of the container's bounding set, which Docker's includes and excludes ask for. Nil stands for
	// DockerCapabilities, an empty list for none.
	Capabilities []string
	Kernel       policy.KernelVersion // the host's, for Docker's minKernel; zero is newer than all
	// Closed is the answer for the architectures that the profile does not open. Zero is kill_thread, as libseccomp has it when nobody
	// sets SCMP_FLTATR_ACT_BADARCH; runc does not.
	Closed uint32
}

func (o Options) file() string { return cmp.Or(o.File, "profile.json") }

func (o Options) arch() seccomp.Arch { return cmp.Or(o.Arch, seccomp.Native()) }

// Profile is a seccomp profile for one host: a decision for each call there can be.
type Profile struct {
	File    string
	Arches  []seccomp.Arch  // the open ones, each once, the host's first
	Default uint32          // the answer for calls of open architectures that no rule is about
	Closed  uint32          // the answer for other architectures
	Rules   []Rule          // in the order of the file, one for each name
	Notes   []exchange.Note // what the file says and Rules do not

	start policy.Pos
	proc  procLists
}

// Rule answers a call when all comparisons hold. Several rules for a call are alternatives.
type Rule struct {
	Call    string
	Answer  uint32 // as a filter returns it: package bpf
	Compare []Comparison
	Pos     policy.Pos // of the name
}

// Comparison is what the profile says of an argument. The register is compared as a number of 64 bits without a sign, whatever the type of the
// argument is; on the architectures that libseccomp takes for 32 bits wide (x86, x32, arm), the low halves of register and value are.
type Comparison struct {
	Arg         int
	Mask, Value uint64 // (register & Mask) Op (Value & Mask); the mask has all bits unless Op is equality
	Op          policy.Relation
	Pos         policy.Pos
}

// on returns the comparison for an architecture.
func (c Comparison) on(arch seccomp.Arch) policy.Comparison {
	out := policy.Comparison{Arg: c.Arg, Width: 64, Mask: c.Mask, Value: c.Value & c.Mask, Op: c.Op}
	if narrow(arch) { // measured with libseccomp 2.5.4
		out.Width, out.Mask, out.Value = 32, out.Mask&0xffffffff, out.Value&0xffffffff
	}
	return out
}

// numbers is what is decided about one number of one architecture: an answer, or alternatives.
type numbers struct {
	whole bool // the first of rules is without comparisons, and the only one
	rules []Rule
}

// resolve returns what is decided on an architecture, by number.
//
// As libseccomp has it, the first rule without comparisons wins over all others of its call, wherever they stand, and as
// runc has it, rules that answer with the default are left out.
func (p *Profile) resolve(arch seccomp.Arch) map[uint32]numbers {
	decided := map[uint32]numbers{}
	for _, r := range p.expanded() {
		nr, has := arch.Number(r.Call)
		have := decided[nr]
		switch {
		case !has || have.whole:
		case len(r.Compare) == 0:
			decided[nr] = numbers{true, []Rule{r}}
		default:
			have.rules = append(have.rules, r)
			decided[nr] = have
		}
	}
	return decided
}

// expanded returns the rules that count, with those for i386's socketcall and ipc.
func (p *Profile) expanded() []Rule {
	out := make([]Rule, 0, len(p.Rules))
	for _, r := range p.Rules {
		if r.Answer == p.Default {
			continue
		}
		out = append(out, r)
		through, service := multiplexed(r.Call)
		if _, has := seccomp.X86.Number(r.Call); through == "" || !has {
			continue
		}
		m := Rule{Call: through, Answer: r.Answer, Pos: r.Pos, Compare: []Comparison{{Mask: ^uint64(0), Value: service, Pos: r.Pos}}}
		for _, c := range r.Compare {
			if c.Arg != 0 { // libseccomp keeps them, although they are now about something else
				m.Compare = append(m.Compare, c)
			}
		}
		out = append(out, m)
	}
	return out
}

// holds tells whether all comparisons of a rule hold on an architecture.
func (r Rule) holds(arch seccomp.Arch, args [6]uint64) bool {
	for _, c := range r.Compare {
		condition := policy.Condition{Op: policy.CondCompare, Compare: c.on(arch)}
		if !condition.Holds(args) {
			return false
		}
	}
	return true
}

// archFor returns the open architecture that a call is for, 0 for none.
func (p *Profile) archFor(d bpf.Data) seccomp.Arch {
	const x32Bit, noCall = 0x40000000, 0xffffffff
	var x8664, x32 bool
	for _, a := range p.Arches {
		switch {
		case a == seccomp.X8664:
			x8664 = true
		case a == seccomp.X32:
			x32 = true
		case a.Audit() == d.Arch:
			return a
		}
	}
	switch {
	case d.Arch != seccomp.X8664.Audit():
		return 0
	case x32 && d.Nr >= x32Bit:
		return seccomp.X32
	case x8664 && (d.Nr < x32Bit || d.Nr == noCall):
		return seccomp.X8664
	}
	return 0
}

// Answer returns what the profile answers for a call.
func (p *Profile) Answer(d bpf.Data) uint32 {
	arch := p.archFor(d)
	if arch == 0 {
		return p.Closed
	}
	for _, r := range p.resolve(arch)[d.Nr].rules {
		if r.holds(arch, d.Args) {
			return r.Answer
		}
	}
	return p.Default
}
