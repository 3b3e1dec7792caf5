package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

func line(module string, n int) Line {
	return Line{Source: Source{Module: module, Replica: n % 3, PID: n}, Time: time.Unix(int64(n), 5), Stream: Stream(1 + n%2), Text: fmt.Appendf(nil, "%s %d", module, n)}
}

func texts(lines []api.LogLine) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Line)
	}
	return out
}

func received(ch <-chan api.LogLine) (lines []api.LogLine) {
	for l := range ch {
		lines = append(lines, l)
	}
	return lines
}

func TestLast(t *testing.T) {
	r := NewRing()
	r.SetModules([]string{"a", "b"})
	for n := range 6 {
		r.Add(line([]string{"a", "b"}[n%2], n))
	}
	tests := []struct {
		modules []string
		n       int
		want    []string
	}{
		{nil, 100, []string{"a 0", "b 1", "a 2", "b 3", "a 4", "b 5"}},
		{nil, 3, []string{"b 3", "a 4", "b 5"}},
		{nil, 0, nil},
		{nil, -1, nil},
		{[]string{"a"}, 2, []string{"a 2", "a 4"}},
		{[]string{"b", "c"}, 9, []string{"b 1", "b 3", "b 5"}},
		{[]string{"c"}, 9, nil},
	}
	for _, test := range tests {
		if got := texts(r.Last(test.modules, test.n)); !slices.Equal(got, test.want) {
			t.Errorf("the last %d of %v: %q", test.n, test.modules, got)
		}
	}
	want := api.LogLine{Time: time.Unix(5, 5), Module: "b", Replica: 2, PID: 5, Stream: "stderr", Line: "b 5"}
	if got := r.Last(nil, 1); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
	r.SetModules([]string{"b"})
	if got := texts(r.Last(nil, 9)); !slices.Equal(got, []string{"b 1", "b 3", "b 5"}) {
		t.Errorf("after one has gone: %q", got)
	}
}

// Memory is bounded, and one module takes no line from another.
func TestRingIsBounded(t *testing.T) {
	tests := []struct{ modules, share int }{{1, moduleBytes}, {16, RingBytes / 16}, {100, RingBytes / 100}, {1000, RingBytes / 1000}, {5000, leastBytes}}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.modules), func(t *testing.T) {
			r := NewRing()
			var names []string
			for n := range test.modules {
				names = append(names, fmt.Sprintf("m%d", n))
			}
			r.SetModules(names)
			r.Add(line("m0", 1))
			if test.modules > 1 {
				r.Add(line("m1", 2))
			}
			for n := range 5000 {
				l := line("m0", n)
				l.Text = append(l.Text, make([]byte, n%700)...)
				r.Add(l)
			}
			l := line("m0", 1)
			l.Text = make([]byte, moduleBytes)
			r.Add(l) // too large for any share
			tail := r.modules["m0"]
			if n := len(tail.buf) - tail.start; n > test.share || n < test.share/2 || len(tail.buf) > 2*test.share {
				t.Errorf("%d bytes in %d, with a share of %d", n, len(tail.buf), test.share)
			}
			last := r.Last([]string{"m0"}, 1)
			if len(last) != 1 || !strings.HasPrefix(last[0].Line, "m0 4999") {
				t.Errorf("the last: %.100q", texts(last))
			}
			if got := r.Last([]string{"m1"}, 9); test.modules > 1 && len(got) != 1 {
				t.Errorf("the other module: %v", got)
			}
			r.SetModules(append(names, make([]string, 10_000)...))
			if n := len(tail.buf) - tail.start; n > leastBytes {
				t.Errorf("%d bytes after the share has become smaller", n)
			}
		})
	}
}

func TestRememberingAllocatesNothing(t *testing.T) {
	r := NewRing()
	l := line("a", 1)
	for range 10_000 {
		r.Add(l)
	}
	if n := testing.AllocsPerRun(1000, func() { r.Add(l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing()
		for n := range 5 {
			r.Add(line("a", n))
		}
		ctx, cancel := context.WithCancel(t.Context())
		both, one := r.Subscribe(ctx, nil, 2), r.Subscribe(ctx, []string{"b"}, 2)
		r.Add(line("a", 5))
		r.Add(line("b", 6))
		cancel()
		synctest.Wait()
		r.Add(line("b", 7))
		if got := texts(received(both)); !slices.Equal(got, []string{"a 3", "a 4", "a 5", "b 6"}) {
			t.Errorf("%q", got)
		}
		if got := texts(received(one)); !slices.Equal(got, []string{"b 6"}) {
			t.Errorf("%q", got)
		}
		if got := texts(received(r.Subscribe(ctx, nil, 1))); !slices.Equal(got, []string{"b 7"}) {
			t.Errorf("with a context that is done: %q", got)
		}
		slow := r.Subscribe(t.Context(), nil, 1)
		for n := range 3 * ahead {
			r.Add(line("a", n))
		}
		if got := received(slow); len(got) != ahead+1+1 || got[ahead+1].Stream != Cut || got[ahead].Stream == Cut {
			t.Errorf("%d lines; the last is %+v", len(got), got[len(got)-1])
		}
		open := r.Subscribe(t.Context(), nil, 0)
		r.Close()
		if got := received(open); got != nil {
			t.Errorf("%v", got)
		}
	})
}
