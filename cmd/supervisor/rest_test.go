package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/mock/gomock"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/footprint"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
)

func TestRestAfterEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		begin := time.Now()
		var rests []time.Duration
		var asked []string
		events := make(chan api.Event)
		follow := func(_ context.Context, after string) <-chan api.Event {
			asked = append(asked, after)
			return events
		}
		done := make(chan struct{})
		go func() {
			restAfterEvents(ctx, follow, func() { rests = append(rests, time.Since(begin)) })
			close(done)
		}()
		at := func(d time.Duration, f func()) {
			time.Sleep(d - time.Since(begin))
			f()
			synctest.Wait()
		}
		const s = time.Second
		at(10*s, func() { events <- api.Event{ID: "1"} })
		at(10*s+s/2, func() { events <- api.Event{ID: "2"} }) // puts it off
		at(20*s, func() {                                     // it was cut off
			old := events
			events = make(chan api.Event)
			old <- api.Event{Kind: "events.cut"}
			close(old)
		})
		at(30*s, func() { events <- api.Event{ID: "3"} })
		at(40*s, func() { cancel(); close(events) })
		<-done
		if want := []time.Duration{s, 11*s + s/2, 21 * s, 31 * s}; !slices.Equal(rests, want) {
			t.Errorf("it rested after %v, want %v", rests, want)
		}
		if want := []string{"", "2"}; !slices.Equal(asked, want) {
			t.Errorf("it followed after %q, want %q", asked, want)
		}
	})
	if footprint.Rest != time.Second {
		t.Errorf("the times above are for a second, and not %s", footprint.Rest)
	}
}

func TestShrinkSaysWhatItCouldNot(t *testing.T) {
	m := mocks.NewMemory(gomock.NewController(t))
	m.EXPECT().Madvise(gomock.Any(), gomock.Any(), gomock.Any()).Return(posix.Errno(unix.EAGAIN)).MinTimes(1)
	var text strings.Builder
	shrink(m, slog.New(slog.NewTextHandler(&text, nil)))
	if !strings.Contains(text.String(), "level=WARN") || !strings.Contains(text.String(), unix.EAGAIN.Error()) {
		t.Errorf("the log says %q", text.String())
	}
	m = mocks.NewMemory(gomock.NewController(t))
	m.EXPECT().Madvise(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil).MinTimes(1)
	text.Reset()
	shrink(m, slog.New(slog.NewTextHandler(&text, nil)))
	if text.Len() > 0 {
		t.Errorf("all was well, and the log says %q", text.String())
	}
}
