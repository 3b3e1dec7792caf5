package event

import (
	"crypto/rand"
	"errors"
	"testing"
)

func TestParseTrace(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	tests := []struct{ name, text, want string }{
		{"the example of the standard", good, good},
		{"not sampled", good[:54] + "0", good[:54] + "0"},
		{"other flags", good[:53] + "ff", good},
		{"a later version", "cc" + good[2:] + "-what-the-future-will-be-like", good},
		{"a later version without more", "cc" + good[2:], good},
		{"a later version, badly continued", "cc" + good[2:] + ".x", ""},
		{"more than version 00 has", good + "-x", ""},
		{"version ff", "ff" + good[2:], ""},
		{"upper case", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"no hexadecimal digit", "00-0xf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"trace of zeros", "00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		{"span of zeros", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", ""},
		{"short", good[:54], ""},
		{"empty", "", ""},
		{"separators", "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseTrace(test.text)
			if got.String() != test.want || errors.Is(err, ErrTrace) != (test.want == "") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestNewTrace(t *testing.T) {
	a, b := NewTrace(rand.Reader), NewTrace(rand.Reader)
	child := a.Child(rand.Reader)
	if a.ID == b.ID || child.ID != a.ID || child.Span == a.Span {
		t.Errorf("%s, %s, child %s", a, b, child)
	}
	if again, err := ParseTrace(child.String()); err != nil || again != child {
		t.Errorf("%s, %v", again, err)
	}
	if s := (Trace{}).String(); s != "" {
		t.Errorf("none is %q", s)
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseTrace(s); err == nil {
			if again, err := ParseTrace(got.String()); err != nil || again != got {
				t.Errorf("%q: %s, %s, %v", s, got, again, err)
			}
		}
	})
}
