package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// counts is what the closing line says.
type counts struct {
	Passed, Failed, Skipped int
}

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

func (c counts) plus(o counts) counts {
	return counts{c.Passed + o.Passed, c.Failed + o.Failed, c.Skipped + o.Skipped}
}

// testID names a test, or a package when Test is empty.
type testID struct {
	Package, Test string
}

func (id testID) String() string {
	if id.Test == "" {
		return id.Package
	}
	return id.Package + " " + id.Test
}

// ledger remembers how each test and each package of one stream ended; "" is not at all.
type ledger struct {
	ended map[testID]string
}

func newLedger() *ledger {
	return &ledger{ended: map[testID]string{}}
}

func (l *ledger) add(e event) {
	if e.Package == "" {
		return
	}
	id := testID{e.Package, e.Test}
	switch {
	case e.ends():
		l.ended[id] = e.Action
	case e.Action == "start" || e.Action == "run":
		l.ended[id] = ""
	}
}

// failures returns what failed, sorted: tests, and packages that have no failed test to blame.
func (l *ledger) failures() []testID {
	var out []testID
	blamed := map[testID]bool{} // parents, and packages, of a failed test
	ids := slices.SortedFunc(maps.Keys(l.ended), func(a, b testID) int {
		// Children before their parents, tests before their package.
		return strings.Compare(b.String(), a.String())
	})
	for _, id := range ids {
		if end := l.ended[id]; end == "pass" || end == "skip" || blamed[id] {
			continue
		}
		out = append(out, id)
		for p, ok := parent(id); ok; p, ok = parent(p) {
			blamed[p] = true
		}
	}
	slices.Reverse(out)
	return out
}

// counts counts the tests that have no subtests, and the failures.
func (l *ledger) counts() counts {
	isParent := map[testID]bool{}
	for id := range l.ended {
		if p, ok := parent(id); ok {
			isParent[p] = true
		}
	}
	c := counts{Failed: len(l.failures())}
	for id, end := range l.ended {
		switch {
		case id.Test == "" || isParent[id]:
		case end == "pass":
			c.Passed++
		case end == "skip":
			c.Skipped++
		}
	}
	return c
}

// parent returns the test that id is a subtest of, or its package. A package has none.
func parent(id testID) (testID, bool) {
	if id.Test == "" {
		return testID{}, false
	}
	name := ""
	if i := strings.LastIndexByte(id.Test, '/'); i >= 0 {
		name = id.Test[:i]
	}
	return testID{id.Package, name}, true
}
