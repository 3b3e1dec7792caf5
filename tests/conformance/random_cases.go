package conformance

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func randomCases() []Case {
	return []Case{
		{Op: posix.OpGetrandom, Name: "is never the same", Run: func(t *T) {
			a, b := make([]byte, 64), make([]byte, 64)
			for _, p := range [][]byte{a, b} {
				n, err := t.Core.Getrandom(p, 0)
				t.Errno("getrandom", err, 0)
				t.Equal("bytes", n, len(p))
			}
			t.Equal("twice the same", bytes.Equal(a, b), false)
		}},
		{Op: posix.OpGetrandom, Name: "nothing", Run: func(t *T) {
			n, err := t.Core.Getrandom(nil, 0)
			t.Errno("getrandom", err, 0)
			t.Equal("bytes", n, 0)
		}},
		{Op: posix.OpGetrandom, Name: "no more than asked for", Run: func(t *T) {
			p := make([]byte, 100)
			n, err := t.Core.Getrandom(p[:37], unix.GRND_NONBLOCK)
			t.Errno("getrandom", err, 0)
			t.Equal("bytes", n, 37)
			t.Equal("something came", bytes.Equal(p[:37], make([]byte, 37)), false)
			t.Equal("the rest is as it was", bytes.Equal(p[37:], make([]byte, 63)), true)
		}},
		{Op: posix.OpGetrandom, Name: "unknown flags", Run: func(t *T) {
			for _, flags := range []int{8, 1 << 20, -1} {
				_, err := t.Core.Getrandom(make([]byte, 1), flags)
				t.Errno("getrandom", err, unix.EINVAL)
			}
		}},
		{Op: posix.OpGetrandom, Name: "sources", Run: func(t *T) {
			for _, flags := range []int{unix.GRND_RANDOM, unix.GRND_INSECURE, unix.GRND_NONBLOCK | unix.GRND_RANDOM, unix.GRND_INSECURE | unix.GRND_NONBLOCK} {
				n, err := t.Core.Getrandom(make([]byte, 16), flags)
				t.Errno("getrandom", err, 0)
				t.Equal("bytes", n, 16)
			}
		}},
		{Op: posix.OpGetrandom, Name: "a lot", Run: func(t *T) {
			p := make([]byte, 1<<20)
			for n := 0; n < len(p); { // a signal of the runtime's may cut it short
				some, err := t.Core.Getrandom(p[n:], 0)
				t.Must("getrandom", err)
				n += some
			}
			t.Equal("the end is filled", bytes.Equal(p[len(p)-64:], make([]byte, 64)), false)
		}},
	}
}
