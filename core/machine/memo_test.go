package machine

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func anyMemo(t *rapid.T) slotMemo {
	v := slotMemo{state: rapid.SampledFrom([]State{Waiting, Backoff, Held, Ended}).Draw(t, "state"), failed: rapid.Bool().Draw(t, "failed"),
		done: wire.InstanceID(rapid.Uint64().Draw(t, "done")), counted: wire.InstanceID(rapid.Uint64().Draw(t, "counted")), restarts: rapid.Uint32().Draw(t, "restarts"), level: rapid.Uint32().Draw(t, "level"),
		due: epoch.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "due"))), since: epoch, reason: rapid.StringN(0, 40, mostText).Draw(t, "reason"),
		lastExit: rapid.StringN(0, 40, mostText).Draw(t, "exit")}
	for range rapid.IntRange(0, mostReady).Draw(t, "ready") {
		v.ready = append(v.ready, readyMemo{wire.InstanceID(rapid.Uint64().Draw(t, "id")), epoch.Add(time.Hour), time.Duration(rapid.IntRange(0, 1e9).Draw(t, "watchdog"))})
	}
	at := epoch
	for range rapid.IntRange(0, mostStarts).Draw(t, "starts") {
		at = at.Add(time.Duration(rapid.IntRange(0, 10_000).Draw(t, "gap")) * time.Millisecond)
		v.starts = append(v.starts, at)
	}
	return v
}

// utc makes times comparable.
func (v slotMemo) utc() slotMemo {
	v.due, v.since = v.due.UTC(), v.since.UTC()
	for i := range v.ready {
		v.ready[i].at = v.ready[i].at.UTC()
	}
	for i := range v.starts {
		v.starts[i] = v.starts[i].UTC()
	}
	return v
}

func TestSlotMemoRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyMemo(t)
		data := v.encode()
		if len(data) > wire.MaxMemo {
			t.Fatalf("%d bytes", len(data))
		}
		got, err := decodeSlot(data)
		if err != nil || !reflect.DeepEqual(got.utc(), v.utc()) {
			t.Fatalf("%+v, %v\nwant %+v", got, err, v)
		}
		if _, err := decodeSlot(data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("a memo that is cut off is read")
		}
		if _, err := decodeSlot(append(data, 0)); err == nil {
			t.Fatal("a memo with something behind it is read")
		}
	})
}

// TestMemosFit: the largest memo is within the spawner's bound, and keeps the latest starts.
func TestMemosFit(t *testing.T) {
	v := slotMemo{state: Held, reason: strings.Repeat("ü", 5000), lastExit: strings.Repeat("x", 5000)}
	for i := range 10_000 {
		v.starts = append(v.starts, epoch.Add(time.Duration(i)*time.Second))
	}
	for i := range mostReady {
		v.ready = append(v.ready, readyMemo{wire.InstanceID(i), epoch, 0})
	}
	data := v.encode()
	if len(data) > wire.MaxMemo {
		t.Errorf("%d bytes", len(data))
	}
	got, err := decodeSlot(data)
	if err != nil || len(got.starts) != mostStarts || !got.starts[mostStarts-1].Equal(v.starts[9999]) || !strings.HasPrefix(v.reason, got.reason) {
		t.Errorf("%v, %d starts", err, len(got.starts))
	}
	if n := len(encodeReload(api.Reload{Text: strings.Repeat("x", 9000)})); n > wire.MaxMemo {
		t.Errorf("%d bytes of a reload", n)
	}
	if n := len(encodeEnd(1, strings.Repeat("x", 9000))); n > wire.MaxMemo {
		t.Errorf("%d bytes of an end", n)
	}
	s := &slot{module: newModule(&wire.Module{Name: strings.Repeat("m", 256), Replicas: 1000}), replica: 999}
	if n := len(slotKey(s)); n > wire.MaxKey {
		t.Errorf("a key of %d bytes", n)
	}
}
