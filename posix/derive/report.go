package derive

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix"
)

// Report is what follows from a program. Lists are sorted by name.
type Report struct {
	Package  string `json:"package"`
	Arch     string `json:"arch"`     // GOARCH
	Observed bool   `json:"observed"` // a recording was given

	Calls      []Call      `json:"calls"`      // of posix.Core's operations
	Operations []Operation `json:"operations"` // of posix.Core
	Takers     []Taker     `json:"takers"`     // what declares them
	Runtime    []Alongside `json:"runtime"`    // the Go runtime's own
	Libraries  []Alongside `json:"libraries"`  // made by what is imported, besides posix.Core
	Notes      []string    `json:"notes"`      // what was not seen
}

// Operation is one method of posix.Core. A reachable one is declared, and an observed one reachable.
type Operation struct {
	Name      string   `json:"name"` // "openat2"
	Interface string   `json:"interface"`
	Method    string   `json:"method"`
	Calls     []string `json:"calls"`
	Declared  bool     `json:"declared"`
	Reachable bool     `json:"reachable"`
	Observed  int      `json:"observed"`        // how often
	Where     string   `json:"where,omitempty"` // a call in the program's own packages
}

// Call is a system call, and which operations make it.
type Call struct {
	Name       string   `json:"name"`
	Declared   bool     `json:"declared"`
	Reachable  bool     `json:"reachable"`
	Observed   int      `json:"observed"` // operations that make it, how often
	Operations []string `json:"operations"`
	Where      string   `json:"where,omitempty"`
}

// Taker is an interface with operations that functions of the program take or call.
type Taker struct {
	Type       string   `json:"type"`
	Functions  []string `json:"functions"` // sorted
	Where      string   `json:"where"`     // of the first one
	Operations int      `json:"operations"`
	Reachable  int      `json:"reachable"` // how many of them anything in the program calls

	ops []posix.Op
}

// Alongside is a system call that is not made through posix.Core.
type Alongside struct {
	Call string `json:"call"`
	By   string `json:"by"`  // a phase of the runtime, or a function
	For  string `json:"for"` // what for, or how it is reached
}

func (t Taker) sum(ops map[posix.Op]*Operation) Taker {
	for _, op := range t.ops {
		if ops[op] != nil && ops[op].Reachable {
			t.Reachable++
		}
	}
	return t
}

// rows turns operations into system calls. An operation that is reachable makes all of its calls reachable.
func rows(ops []Operation) []Call {
	byName := map[string]*Call{}
	for _, op := range ops {
		for _, name := range op.Calls {
			c := byName[name]
			if c == nil {
				c = &Call{Name: name}
				byName[name] = c
			}
			c.Declared = c.Declared || op.Declared
			c.Observed += op.Observed
			c.Operations = append(c.Operations, op.Interface+"."+op.Method)
			if op.Reachable {
				c.Reachable = true
				c.Where = cmp.Or(c.Where, op.Where)
			}
		}
	}
	out := make([]Call, 0, len(byName))
	for _, c := range byName {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Call) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Basis is what an allow-list is made from.
type Basis string

// The bases, from the widest to the narrowest.
const (
	Declared  Basis = "declared"
	Reachable Basis = "reachable"
	Observed  Basis = "observed"
)

// AllowList holds the calls that a filter has to allow, each in one of three lists, sorted.
type AllowList struct {
	Core, Runtime, Libraries []string
}

// All returns the three lists as one, sorted.
func (l AllowList) All() []string {
	all := slices.Concat(l.Core, l.Runtime, l.Libraries)
	slices.Sort(all)
	return slices.Compact(all)
}

// Allow returns the list that follows from a basis. What the runtime and libraries do belongs to each. Errors: another word,
// Observed without a recording.
func (r *Report) Allow(basis Basis) (AllowList, error) {
	var list AllowList
	switch basis {
	case Declared, Reachable:
	case Observed:
		if !r.Observed {
			return list, fmt.Errorf("an allow-list from what was observed needs a recording")
		}
	default:
		return list, fmt.Errorf("an allow-list cannot be made from %q: use declared, reachable or observed", basis)
	}
	seen := map[string]bool{}
	for _, c := range r.Calls {
		if basis == Declared || basis == Reachable && c.Reachable || c.Observed > 0 {
			list.Core = append(list.Core, c.Name)
			seen[c.Name] = true
		}
	}
	add := func(to *[]string, from []Alongside) {
		for _, c := range from {
			if !seen[c.Call] {
				*to = append(*to, c.Call)
				seen[c.Call] = true
			}
		}
	}
	add(&list.Runtime, r.Runtime)
	add(&list.Libraries, r.Libraries)
	return list, nil
}
