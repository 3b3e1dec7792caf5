package trace

import (
	"iter"
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// maxListed is how many problems a report keeps; the others are counted.
const maxListed = 100

// Report is what a filter does with a trace.
type Report struct {
	Calls    int // that were read
	Allowed  int
	Launched bool // the first call is the start of the program
	Denied   int
	MayBe    int // that may be denied

	First      *Case      // the first line that is denied or may be, nil for none
	ByCall     []Tally    // of the calls that are not allowed: those denied first, then by how often, then by name
	Problems   []*Problem // at most 100
	Unread     int        // problems, the ones that are not listed included
	arch       call.Arch
	firstCalls map[string]int // place in ByCall
}

// Case is a line with what it gets.
type Case struct {
	Line    *Line
	Outcome Outcome
}

// Tally is how often a call was not allowed.
type Tally struct {
	Name          string
	Denied, MayBe int
	First         Case // the first line with the call that is denied, or may be
}

// OK tells whether the whole trace was read and all of it is allowed.
func (r *Report) OK() bool { return r.Denied == 0 && r.MayBe == 0 && r.Unread == 0 && r.Calls > 0 }

// Needed returns the names of the calls that a policy had to allow, sorted.
func (r *Report) Needed() []string {
	names := make([]string, 0, len(r.ByCall))
	for _, t := range r.ByCall {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names
}

// Simulate asks a decider about every call of a trace.
func Simulate(lines iter.Seq2[*Line, *Problem], d Decider, arch call.Arch) *Report {
	r := &Report{arch: arch, firstCalls: map[string]int{}}
	same := map[memo]Outcome{}
	for line, problem := range lines {
		if problem != nil {
			if r.Unread++; len(r.Problems) < maxListed {
				r.Problems = append(r.Problems, problem)
			}
			continue
		}
		r.Calls++
		if line.First && (line.Call.Name == "execve" || line.Call.Name == "execveat") {
			r.Launched = true
			continue
		}
		key := memo{line.Call.Data, line.Call.Known}
		o, seen := same[key]
		if !seen {
			o = Decide(d, &line.Call, arch)
			if len(same) < maxPending {
				same[key] = o
			}
		}
		r.count(Case{line, o})
	}
	slices.SortStableFunc(r.ByCall, func(a, b Tally) int {
		switch {
		case (a.Denied > 0) != (b.Denied > 0):
			return b.Denied - a.Denied
		case a.Denied+a.MayBe != b.Denied+b.MayBe:
			return b.Denied + b.MayBe - a.Denied - a.MayBe
		default:
			return a.First.Line.Number - b.First.Line.Number
		}
	})
	return r
}

// memo is all that an outcome depends on.
type memo struct {
	data  bpf.Data
	known [6]uint64
}

func (r *Report) count(c Case) {
	if c.Outcome.Verdict == Allowed {
		r.Allowed++
		return
	}
	at, seen := r.firstCalls[c.Line.Call.Name]
	if !seen {
		at = len(r.ByCall)
		r.firstCalls[c.Line.Call.Name] = at
		r.ByCall = append(r.ByCall, Tally{Name: c.Line.Call.Name, First: c})
	}
	t := &r.ByCall[at]
	if c.Outcome.Verdict == Denied {
		r.Denied++
		t.Denied++
	} else {
		r.MayBe++
		t.MayBe++
	}
	if c.before(&t.First) {
		t.First = c
	}
	if r.First == nil || c.before(r.First) {
		r.First = &c
	}
}

// before tells which of two cases is shown: one that is denied rather than one that may be, then the one that comes first.
func (c *Case) before(other *Case) bool {
	if c.Outcome.Verdict != other.Outcome.Verdict {
		return c.Outcome.Verdict == Denied
	}
	return c.Line.Number < other.Line.Number
}
