package planted

import (
	"fmt"
	"math/rand/v2"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Subject is a program that is right.
type Subject struct {
	Name    string
	Program bpf.Program
	Want    func(bpf.Data) uint32 // what each call is to be answered with
	Native  uint32                // the AUDIT_ARCH_ value that the program is for
}

// Witness is a call that a program does not answer as is wanted.
type Witness struct {
	Call      bpf.Data
	Got, Want uint32
}

// Prover shows that a program is right, and returns nil, or a witness against it. An error is that it cannot tell.
type Prover func(bpf.Program) (*Witness, error)

// Result is what became of mistakes.
type Result struct {
	ByKind   map[string]int // mistakes by kind, found or not
	Missed   int            // mistakes that the prover did not find
	Harmless int            // changes after which the program still answered everything as is wanted
	Wrong    []string       // what is wrong with the prover: mistakes that it missed, witnesses that are none, what it could not tell
}

// NewResult returns a result without mistakes.
func NewResult() *Result { return &Result{ByKind: map[string]int{}} }

// Planted returns how many mistakes there were.
func (r *Result) Planted() (n int) {
	for _, of := range r.ByKind {
		n += of
	}
	return n
}

// Found returns how many of them the prover found.
func (r *Result) Found() int { return r.Planted() - r.Missed }

func (r *Result) wrong(s Subject, k Kind, i int, format string, args ...any) {
	r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s at instruction %d (%s): ", s.Name, k.Name, i, s.Program[i])+fmt.Sprintf(format, args...))
}

// rounds is how many random calls are tried to find a mistake that the prover did not.
const rounds = 3000

// Plant makes every mistake at every place, one at a time, and adds what became of it to a result. The same subject gives the same result.
func (s Subject) Plant(prove Prover, r *Result) {
	random, kinds := rand.New(rand.NewPCG(5, 6)), Kinds()
	for i := range s.Program {
		for _, k := range kinds {
			p, applies := k.make(s, i)
			if !applies || p.Check() != nil {
				continue
			}
			w, err := prove(p)
			switch {
			case err != nil:
				r.ByKind[k.Name]++
				r.Missed++
				r.wrong(s, k, i, "the prover cannot tell: %v", err)
			case w != nil && (p.Run(w.Call) != w.Got || w.Got == w.Want || s.Want(w.Call) != w.Want):
				r.ByKind[k.Name]++
				r.Missed++
				r.wrong(s, k, i, "the witness %+v is none", *w)
			case w != nil:
				r.ByKind[k.Name]++
			default:
				if call := Search(p, s.Want, s.Native, random, rounds); call != nil {
					r.ByKind[k.Name]++
					r.Missed++
					r.wrong(s, k, i, "proved, and wrong for %+v", *call)
					continue
				}
				r.Harmless++
			}
		}
	}
}
