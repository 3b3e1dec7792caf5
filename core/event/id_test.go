package event

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

// The milliseconds are those of the example in RFC 9562, A.6.
func TestLayout(t *testing.T) {
	at := time.UnixMilli(0x017F22E279B0)
	random := bytes.NewReader([]byte{0x04, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f})
	if got, want := NewIDs(random).New(at), "017f22e2-79b0-74c3-98c4-dc0c0c07398f"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

var version7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestGrowing(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_000)
	tests := []struct {
		name   string
		random io.Reader
		time   func(i int) time.Time
	}{
		{"one millisecond", rand.Reader, func(int) time.Time { return at }},
		{"a counter that overflows", constant(0xff), func(int) time.Time { return at }},
		{"a clock that goes back", rand.Reader, func(i int) time.Time { return at.Add(-time.Duration(i) * time.Hour) }},
		{"a clock that jumps", rand.Reader, func(i int) time.Time { return at.Add(time.Duration(i%7-3) * time.Millisecond) }},
		{"equal random bytes", constant(0), func(i int) time.Time { return at.Add(time.Duration(i) * time.Millisecond) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := NewIDs(test.random)
			last := ""
			for i := range 10_000 {
				id := g.New(test.time(i))
				if !version7.MatchString(id) {
					t.Fatalf("%s is not of version 7", id)
				}
				if id <= last {
					t.Fatalf("%d: %s after %s", i, id, last)
				}
				last = id
			}
		})
	}
}

func TestConcurrentIDs(t *testing.T) {
	g := NewIDs(rand.Reader)
	var seen sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if _, twice := seen.LoadOrStore(g.New(time.Now()), true); twice {
					t.Error("an ID was given twice")
				}
			}
		})
	}
	wg.Wait()
}

func TestNoRandomness(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "unexpected EOF") {
			t.Errorf("recovered %v", r)
		}
	}()
	NewIDs(io.MultiReader(strings.NewReader("abc"), errReader{})).New(time.Now())
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.Join(io.ErrUnexpectedEOF) }
