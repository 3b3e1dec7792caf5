package diff

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Direction tells what a change does to the permissions of a module.
type Direction uint8

const (
	Wider    Direction = iota // something is permitted that was not
	Narrower                  // something is no longer permitted
	Other                     // neither, or it cannot be told
)

// String returns "wider", "narrower" or "other".
func (d Direction) String() string { return [...]string{"wider", "narrower", "other"}[min(d, Other)] }

// MarshalText writes the direction as String does, for JSON.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Change is one difference.
type Change struct {
	Direction Direction
	Of        string     // "module web" or "listener http"
	Key       string     // the key of the policy, such as "filesystem" or "seccomp"
	Message   string     // one line
	A, B      policy.Pos // where it is written in each; the zero Pos where it is not
	Witness   *Witness   // of seccomp: both filters answered it so
	Example   *Example   // of the other layers, where a call shows it
}

// Witness is a system call that the two policies answer differently.
type Witness struct {
	Call bpf.Data
	Arch string // as a policy names it
	Text string
	A, B uint32 // the answers
}

// String returns the call with both answers.
func (w *Witness) String() string {
	return fmt.Sprintf("%s -> %s, before: %s (%s)", w.Text, call.Answer(w.B), call.Answer(w.A), w.Arch)
}

// Report is all differences of two policies.
type Report struct {
	Changes []Change // wider ones first, then in the order of the modules and of the keys
}

// Wider tells whether the second policy permits something that the first does not.
func (r *Report) Wider() bool { return r.Count(Wider) > 0 }

// Count returns how many changes are of a direction.
func (r *Report) Count(d Direction) (n int) {
	for _, c := range r.Changes {
		if c.Direction == d {
			n++
		}
	}
	return n
}
