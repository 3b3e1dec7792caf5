package differential

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Stats counts what was generated.
type Stats struct {
	Programs int
	Ops      map[string]*Count
}

// Count is about one operation.
type Count struct {
	Generated, Succeeded int
	Errnos               map[string]int
}

// NewStats returns empty counts.
func NewStats() *Stats { return &Stats{Ops: map[string]*Count{}} }

func (s *Stats) add(op posix.Op, errno posix.Errno) {
	c := s.Ops[op.String()]
	if c == nil {
		c = &Count{Errnos: map[string]int{}}
		s.Ops[op.String()] = c
	}
	c.Generated++
	if errno == 0 || op == posix.OpConnect && errno == unix.EINPROGRESS {
		c.Succeeded++
	} else {
		c.Errnos[unix.ErrnoName(errno)]++
	}
}

// Merge adds the counts of other.
func (s *Stats) Merge(other *Stats) {
	s.Programs += other.Programs
	for name, o := range other.Ops {
		c := s.Ops[name]
		if c == nil {
			c = &Count{Errnos: map[string]int{}}
			s.Ops[name] = c
		}
		c.Generated += o.Generated
		c.Succeeded += o.Succeeded
		for e, n := range o.Errnos {
			c.Errnos[e] += n
		}
	}
}

// Table returns a line for each operation, those that succeeded least first: generated, succeeded, distinct errnos.
func (s *Stats) Table() string {
	ops := posix.Ops()
	share := func(op posix.Op) float64 {
		if c := s.Ops[op.String()]; c != nil {
			return float64(c.Succeeded) / float64(c.Generated)
		}
		return -1
	}
	slices.SortStableFunc(ops, func(a, b posix.Op) int { return cmp.Compare(share(a), share(b)) })
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %10s %10s %6s  %s\n", "method", "generated", "succeeded", "%", "errnos")
	for _, op := range ops {
		c := s.Ops[op.String()]
		if c == nil {
			c = &Count{Generated: 0}
		}
		var errnos []string
		for e := range c.Errnos {
			errnos = append(errnos, fmt.Sprintf("%s:%d", e, c.Errnos[e]))
		}
		slices.Sort(errnos)
		percent := 0.0
		if c.Generated > 0 {
			percent = 100 * float64(c.Succeeded) / float64(c.Generated)
		}
		fmt.Fprintf(&b, "%-26s %10d %10d %6.1f  %d %s\n", op.Method(), c.Generated, c.Succeeded, percent, len(errnos), strings.Join(errnos, " "))
	}
	return b.String()
}

// Rare returns what is wrong with the counts: a method that was generated fewer than least times, or that succeeded in less than the share in percent without
// an excuse. An excuse for a method that needs none is wrong as well.
func (s *Stats) Rare(least, percent int, excuses map[posix.Op]string) []string {
	var bad []string
	for _, op := range posix.Ops() {
		c := s.Ops[op.String()]
		if c == nil {
			c = &Count{}
		}
		few := c.Succeeded*100 < percent*c.Generated
		switch excuse := excuses[op]; {
		case c.Generated < least:
			bad = append(bad, fmt.Sprintf("%s was generated %d times, fewer than %d", op.Method(), c.Generated, least))
		case few && excuse == "":
			bad = append(bad, fmt.Sprintf("%s succeeded %d times of %d, less than %d %%", op.Method(), c.Succeeded, c.Generated, percent))
		case !few && excuse != "":
			bad = append(bad, fmt.Sprintf("%s succeeded %d times of %d: it needs no excuse (%s)", op.Method(), c.Succeeded, c.Generated, excuse))
		}
	}
	return bad
}
