package event

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bulkhead/bulkhead/core/api"
)

func id(n int) string { return fmt.Sprintf("%08d", n) }

func publish(r *Ring, from, to int) {
	for i := from; i <= to; i++ {
		r.Publish(api.Event{ID: id(i), Kind: "some"})
	}
}

// ids are the IDs of events, with the kind of those that have none.
func ids(events []api.Event) []string {
	var out []string
	for _, e := range events {
		if e.ID == "" {
			out = append(out, e.Kind)
		} else {
			out = append(out, e.ID)
		}
	}
	return out
}

func received(ch <-chan api.Event) []string {
	var events []api.Event
	for e := range ch {
		events = append(events, e)
	}
	return ids(events)
}

func TestSince(t *testing.T) {
	tests := []struct {
		name   string
		last   int
		after  string
		want   []string
		missed bool
	}{
		{"empty", 0, "", nil, false},
		{"all", 3, "", []string{id(1), id(2), id(3)}, false},
		{"after the first", 3, id(1), []string{id(2), id(3)}, false},
		{"after the last", 3, id(3), nil, false},
		{"from the future", 3, id(9), nil, false},
		{"full", 6, "", []string{id(3), id(4), id(5), id(6)}, false},
		{"after the last that was dropped", 6, id(2), []string{id(3), id(4), id(5), id(6)}, false},
		{"after one long gone", 6, id(1), []string{id(3), id(4), id(5), id(6)}, true},
		{"round and round", 4003, id(4001), []string{id(4002), id(4003)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := NewRing(4)
			publish(r, 1, test.last)
			events, missed := r.Since(test.after)
			if got := ids(events); !slices.Equal(got, test.want) || missed != test.missed {
				t.Errorf("%v, %t", got, missed)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			want := test.want
			if missed {
				want = append([]string{Missed}, want...)
			}
			if got := received(r.Subscribe(ctx, test.after)); !slices.Equal(got, want) {
				t.Errorf("a subscription whose context is done has %v", got)
			}
		})
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing(4)
		publish(r, 1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		ch := r.Subscribe(ctx, id(1))
		publish(r, 3, 4)
		cancel()
		synctest.Wait()
		publish(r, 5, 5)
		if got := received(ch); !slices.Equal(got, []string{id(2), id(3), id(4)}) {
			t.Errorf("%v", got)
		}
		open := r.Subscribe(t.Context(), id(5))
		r.Close()
		r.Close()
		if got := received(open); got != nil {
			t.Errorf("%v", got)
		}
		if got := received(r.Subscribe(t.Context(), id(4))); !slices.Equal(got, []string{id(5)}) {
			t.Errorf("after the end: %v", got)
		}
	})
}

func TestSlowFollowerIsCutOff(t *testing.T) {
	r := NewRing(4)
	slow, quick := r.Subscribe(t.Context(), ""), r.Subscribe(t.Context(), "")
	var got []string
	for i := 1; i <= 10*ahead; i++ {
		publish(r, i, i)
		got = append(got, (<-quick).ID)
	}
	events := received(slow)
	if n := len(events); n < ahead || n > ahead+2 || events[n-1] != Cut || events[n-2] != id(n-1) {
		t.Errorf("%d events, the last of them %v", len(events), events[len(events)-2:])
	}
	if len(got) != 10*ahead || got[len(got)-1] != id(10*ahead) || r.CutOff() != 1 {
		t.Errorf("the quick one has %d events; %d cut off", len(got), r.CutOff())
	}
}

func TestConcurrentFollowers(t *testing.T) {
	r := NewRing(16)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			ch := r.Subscribe(ctx, "")
			last := ""
			for range 20 {
				e, ok := <-ch
				if !ok {
					break
				}
				if e.Kind == "some" && e.ID <= last {
					t.Errorf("%s after %s", e.ID, last)
				}
				last = e.ID
			}
			cancel()
			for range ch {
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for i := 1; ; i++ {
		select {
		case <-done:
			return
		default:
			publish(r, i, i)
		}
	}
}
