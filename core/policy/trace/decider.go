package trace

import (
	"iter"
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Decider answers calls: a *seccomp.Decision, seccomp.Rules, or a filter.
type Decider interface{ Want(bpf.Data) uint32 }

// Exact is a decider that can tell every answer that a call gets of which only some bits of the arguments are known, each answer
// with a call that gets it.
type Exact interface {
	Decider
	Answers(d bpf.Data, known [6]uint64) iter.Seq2[uint32, bpf.Data]
}

// Verdict is what is to be said of a call.
type Verdict uint8

const (
	Allowed   Verdict = iota // for all values of what is not known of its arguments
	Launch                   // the start of the program, which the supervisor does itself
	MayDenied                // allowed for some values, or nobody knows for which
	Denied                   // for all values
)

// String returns the verdict in words.
func (v Verdict) String() string {
	names := [...]string{"allowed", "launch", "may be denied", "denied"}
	if int(v) < len(names) {
		return names[v]
	}
	return "no verdict"
}

// Answer is one answer that a call may get.
type Answer struct {
	Value   uint32
	Example bpf.Data // a call that gets it
}

// Outcome is what a call gets.
type Outcome struct {
	Verdict Verdict
	Answers []Answer // different ones, the most restrictive first
	Proven  bool     // Answers are all that there are
	Depends []string // with MayDenied: the arguments that are not known
}

// Worst returns the most restrictive of the answers.
func (o Outcome) Worst() Answer { return o.Answers[0] }

// Permits tells whether a call that gets an answer is carried out without asking anybody.
func Permits(answer uint32) bool {
	action := bpf.Action(answer)
	return action == bpf.RetAllow || action == bpf.RetLog
}

// Decide says what a call gets, over all values of what is not known of it.
func Decide(d Decider, c *call.Call, arch call.Arch) Outcome {
	var o Outcome
	if exact, ok := d.(Exact); ok {
		o.Proven = true
		for value, example := range exact.Answers(c.Data, c.Known) {
			o.add(value, example)
		}
	}
	if len(o.Answers) == 0 {
		o.Proven = c.Known == [6]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
		sample(&o, d, c.Data, c.Known)
	}
	permitted := 0
	for _, a := range o.Answers {
		if Permits(a.Value) {
			permitted++
		}
	}
	switch {
	case o.Proven && permitted == len(o.Answers):
		o.Verdict = Allowed
	case o.Proven && permitted == 0:
		o.Verdict = Denied
	default:
		o.Verdict = MayDenied
		o.Depends = unknownArguments(c, arch)
	}
	slices.SortStableFunc(o.Answers, func(a, b Answer) int { return rank(a.Value) - rank(b.Value) })
	return o
}

func (o *Outcome) add(value uint32, example bpf.Data) {
	if !slices.ContainsFunc(o.Answers, func(a Answer) bool { return a.Value == value }) {
		o.Answers = append(o.Answers, Answer{value, example})
	}
}

// sample asks for a few values of what is not known: none of its bits, all of them, and each alone. That finds answers and proves none.
func sample(o *Outcome, d Decider, data bpf.Data, known [6]uint64) {
	o.add(d.Want(data), data)
	full := data
	for i, k := range known {
		full.Args[i] |= ^k
		for bit := uint64(1); bit != 0; bit <<= 1 {
			if k&bit == 0 {
				one := data
				one.Args[i] |= bit
				o.add(d.Want(one), one)
			}
		}
	}
	o.add(d.Want(full), full)
}

// rank orders answers as the kernel does. Source: seccomp(2), "SECCOMP_RET_…", in decreasing order of precedence.
func rank(answer uint32) int {
	return slices.Index([]uint32{bpf.RetKillProcess, bpf.RetKillThread, bpf.RetTrap, bpf.RetErrno, bpf.RetUserNotif, bpf.RetTrace, bpf.RetLog,
		bpf.RetAllow},
		bpf.Action(answer))
}

// Name names an answer as a policy does: "allow", "errno EPERM", "kill_process".
func Name(answer uint32) string { return call.Answer(answer) }
