package fd

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/bulkhead/bulkhead/posix"
)

// Set knows which of its descriptors are open. Its methods may be called from any goroutine.
type Set struct {
	core posix.Files

	mu     sync.Mutex // guards what follows
	open   map[*FD]struct{}
	stacks bool
}

// NewSet returns an empty set whose descriptors are closed with core.
func NewSet(core posix.Files) *Set { return &Set{core: core, open: map[*FD]struct{}{}} }

// Stacks makes the set keep where each descriptor is opened and closed from now on. It costs about a microsecond each: it is for tests. It returns s.
func (s *Set) Stacks() *Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stacks = true
	return s
}

// Own takes ownership of n, which is open and nobody else's.
func (s *Set) Own(n posix.FD) *FD {
	f := &FD{set: s, n: n, opened: s.stack()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[f] = struct{}{}
	return f
}

func (s *Set) forget(f *FD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, f)
}

// stack returns who calls the exported method that calls it; nil unless stacks are kept.
func (s *Set) stack() []uintptr {
	s.mu.Lock()
	keep := s.stacks
	s.mu.Unlock()
	if !keep {
		return nil
	}
	pcs := make([]uintptr, 16)
	return pcs[:runtime.Callers(3, pcs)]
}

// Leak is a descriptor that nobody has closed.
type Leak struct {
	FD     posix.FD
	Opened string // stack of the call of Own; empty unless the set keeps stacks
}

// Leaks returns the descriptors that are open, by number.
func (s *Set) Leaks() []Leak {
	s.mu.Lock()
	defer s.mu.Unlock()
	var leaks []Leak
	for f := range s.open {
		leaks = append(leaks, Leak{FD: f.n, Opened: text(f.opened)})
	}
	slices.SortFunc(leaks, func(a, b Leak) int { return cmp.Compare(a.FD, b.FD) })
	return leaks
}

// TB is what Check needs of a testing.TB.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check fails a test for each descriptor that is open, with where it was opened. Call it at the test's end:
//
//	set := fd.NewSet(core).Stacks()
//	t.Cleanup(func() { set.Check(t) })
func (s *Set) Check(t TB) {
	t.Helper()
	for _, l := range s.Leaks() {
		where := ""
		if l.Opened != "" {
			where = fmt.Sprintf("; it was opened at\n%s", l.Opened)
		}
		t.Errorf("descriptor %d was not closed%s", l.FD, where)
	}
}
