package main

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestTakeTurns(t *testing.T) {
	var order string
	next := map[string]time.Duration{}
	turn := func(name string, step time.Duration) contender {
		return contender{name, func() (time.Duration, error) {
			order += name
			next[name] += step
			return next[name], nil
		}}
	}
	s, err := takeTurns(101, turn("a", 2*time.Millisecond), turn("b", 4*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if got := order[:8]; got != "abbaabba" {
		t.Errorf("the order is %s…, want abbaabba…", got)
	}
	// Rounds 6 to 106 count.
	if got := s[0].percentile(0); got != 12*time.Millisecond {
		t.Errorf("the first that counts took %s, want 12ms", got)
	}
	if got := s[1].median(); got != 4*56 {
		t.Errorf("median %v ms, want 224", got)
	}
	if got := s[1].percentile(100); got != 4*106*time.Millisecond {
		t.Errorf("the longest took %s, want 424ms", got)
	}
	if got := ratio(s); got != 0.5 {
		t.Errorf("ratio %v, want 0.5", got)
	}
	if !slices.IsSorted(s[0].times) {
		t.Error("the times are not sorted")
	}
}

func TestTakeTurnsStops(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	_, err := takeTurns(10, contender{"x", func() (time.Duration, error) { calls++; return 0, broken }})
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%d calls, error %v; want one and %v", calls, err, broken)
	}
}
