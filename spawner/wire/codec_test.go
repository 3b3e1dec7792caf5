package wire

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	e := &Encoder{}
	e.U8(200)
	e.U32(1 << 31)
	e.U64(1 << 63)
	e.Bool(true)
	e.Bool(false)
	e.String("héllo\x00")
	e.String("")
	e.Data([]byte{1, 2})
	Each(e, []string{"a", "bc"}, (*Encoder).String)
	Each(e, nil, (*Encoder).String)
	d := NewDecoder(e.Bytes())
	if a, b, c := d.U8(), d.U32(), d.U64(); a != 200 || b != 1<<31 || c != 1<<63 {
		t.Errorf("integers %d, %d, %d", a, b, c)
	}
	if a, b := d.Bool(), d.Bool(); !a || b {
		t.Errorf("truth values %v, %v", a, b)
	}
	if a, b := d.String(), d.String(); a != "héllo\x00" || b != "" {
		t.Errorf("strings %q, %q", a, b)
	}
	if p := d.Data(); !bytes.Equal(p, []byte{1, 2}) {
		t.Errorf("data %v", p)
	}
	if l := List(d, 2, (*Decoder).String); !slices.Equal(l, []string{"a", "bc"}) {
		t.Errorf("list %q", l)
	}
	if l := List(d, 2, (*Decoder).String); l != nil {
		t.Errorf("empty list %q", l)
	}
	if err := d.Done(); err != nil {
		t.Error(err)
	}
}

func TestLayout(t *testing.T) {
	e := &Encoder{}
	e.U32(0x01020304)
	e.U64(0x05060708090a0b0c)
	e.String("ab")
	want := []byte{4, 3, 2, 1, 0xc, 0xb, 0xa, 9, 8, 7, 6, 5, 2, 0, 0, 0, 'a', 'b'}
	if !bytes.Equal(e.Bytes(), want) {
		t.Errorf("% x\nwant\n% x", e.Bytes(), want)
	}
}

func TestMalformed(t *testing.T) {
	take := func(f func(*Decoder)) func(*Decoder) error {
		return func(d *Decoder) error { f(d); return d.Done() }
	}
	tests := []struct {
		name    string
		message []byte
		read    func(*Decoder) error
		says    string
	}{
		{"nothing for a byte", nil, take(func(d *Decoder) { d.U8() }), "at byte 0: 1 bytes are wanted and 0 are there"},
		{"half an integer", []byte{1, 2}, take(func(d *Decoder) { d.U32() }), "4 bytes are wanted"},
		{"half a long integer", []byte{1, 2, 3, 4}, take(func(d *Decoder) { d.U64() }), "8 bytes are wanted"},
		{"a truth value of 2", []byte{2}, take(func(d *Decoder) { d.Bool() }), "2 is not a truth value"},
		{"a string beyond the end", []byte{2, 0, 0, 0, 'a'}, take(func(d *Decoder) { _ = d.String() }), "2 bytes are wanted and 1 are there"},
		{"a string of 4 GiB", []byte{255, 255, 255, 255, 'a'}, take(func(d *Decoder) { _ = d.String() }), "4294967295 bytes are wanted"},
		{"a list too long for its kind", []byte{3, 0, 0, 0, 1, 2, 3}, take(func(d *Decoder) { List(d, 2, (*Decoder).U8) }), "a list of 3 elements; at most 2"},
		{"a list too long for the message", []byte{9, 0, 0, 0, 1, 2}, take(func(d *Decoder) { List(d, 100, (*Decoder).U8) }), "at most 2 fit"},
		{"a list that ends early", []byte{2, 0, 0, 0, 1, 2}, take(func(d *Decoder) { List(d, 100, (*Decoder).U32) }), "4 bytes are wanted"},
		{"left over", []byte{1, 2, 3}, take(func(d *Decoder) { d.U8() }), "at byte 1: 2 bytes are left over"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.read(NewDecoder(tt.message))
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// TestFirstErrorStays: what is read after an error is zero, and the error that is reported is the first.
func TestFirstErrorStays(t *testing.T) {
	d := NewDecoder([]byte{7, 1, 0, 0, 0, 'x', 9})
	if d.Bool() {
		t.Error("7 is true")
	}
	first := d.Done()
	if d.U8() != 0 || d.String() != "" || d.Data() != nil || List(d, 9, (*Decoder).U8) != nil {
		t.Error("values come after an error")
	}
	if err := d.Done(); err != first || !strings.Contains(err.Error(), "truth value") {
		t.Errorf("%v, then %v", first, err)
	}
}

// TestListAllocatesForWhatIsThere: a length is checked before there is room for it.
func TestListAllocatesForWhatIsThere(t *testing.T) {
	message := []byte{0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0}
	got := testing.AllocsPerRun(10, func() {
		d := Decoder{buf: message}
		if List(&d, 1<<31-1, (*Decoder).U64) != nil {
			t.Fatal("a list of lies was read")
		}
	})
	if got > 8 { // the error and its text
		t.Errorf("%v allocations", got)
	}
}
