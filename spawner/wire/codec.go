package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// MaxMessage is the size of the largest message, in bytes.
const MaxMessage = 16 << 20

// ErrMalformed is a message that does not have the layout of its kind.
var ErrMalformed = errors.New("malformed message")

// Encoder appends values to a message.
type Encoder struct {
	buf       []byte
	anonymous bool // leaves origins out
}

// Bytes returns the message so far.
func (e *Encoder) Bytes() []byte { return e.buf }

// reserve makes room for n more bytes, which are copied again and again otherwise.
func (e *Encoder) reserve(n int) { e.buf = slices.Grow(e.buf, n) }

// U8, U32 and U64 append an integer; Bool appends 0 or 1.
func (e *Encoder) U8(v uint8)   { e.buf = append(e.buf, v) }
func (e *Encoder) U32(v uint32) { e.buf = binary.LittleEndian.AppendUint32(e.buf, v) }
func (e *Encoder) U64(v uint64) { e.buf = binary.LittleEndian.AppendUint64(e.buf, v) }
func (e *Encoder) Bool(v bool) {
	if v {
		e.U8(1)
	} else {
		e.U8(0)
	}
}

// String appends a length and the bytes.
func (e *Encoder) String(s string) {
	e.U32(uint32(len(s)))
	e.buf = append(e.buf, s...)
}

// Data appends a length and the bytes.
func (e *Encoder) Data(p []byte) {
	e.U32(uint32(len(p)))
	e.buf = append(e.buf, p...)
}

// Each appends a list.
func Each[T any](e *Encoder, list []T, one func(*Encoder, T)) {
	e.U32(uint32(len(list)))
	for _, v := range list {
		one(e, v)
	}
}

// Decoder takes values from a message. After the first error it returns zero values; Done tells the error.
type Decoder struct {
	buf []byte
	at  int
	err error
	// Equal strings are to be the same: recent has some of those so far, seen all. Nil when that does not matter.
	recent *[256]string
	seen   map[string]string
}

// NewDecoder reads a message, which is not copied.
func NewDecoder(message []byte) *Decoder { return &Decoder{buf: message} }

// Done returns the first error, and one when bytes are left over.
func (d *Decoder) Done() error {
	if d.err == nil && d.at != len(d.buf) {
		d.fail("%d bytes are left over", len(d.buf)-d.at)
	}
	return d.err
}

func (d *Decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w at byte %d: %s", ErrMalformed, d.at, fmt.Sprintf(format, args...))
	}
}

func (d *Decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.buf)-d.at {
		d.fail("%d bytes are wanted and %d are there", n, len(d.buf)-d.at)
		return nil
	}
	p := d.buf[d.at : d.at+n]
	d.at += n
	return p
}

// U8, U32, U64 and Bool take an integer.
func (d *Decoder) U8() uint8 {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *Decoder) U32() uint32 {
	if p := d.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (d *Decoder) U64() uint64 {
	if p := d.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (d *Decoder) Bool() bool {
	v := d.U8()
	if v > 1 {
		d.fail("%d is not a truth value", v)
	}
	return v == 1
}

// String takes a length and the bytes.
func (d *Decoder) String() string {
	p := d.Data()
	if d.recent == nil || len(p) == 0 {
		return string(p)
	}
	place := &d.recent[(len(p)+7*int(p[0])+13*int(p[len(p)/2])+31*int(p[len(p)-1]))%len(d.recent)]
	if *place == string(p) {
		return *place
	}
	s, ok := d.seen[string(p)]
	if !ok {
		s = string(p)
		if d.seen != nil {
			d.seen[s] = s
		}
	}
	*place = s
	return s
}

// Data takes a length and the bytes, which are part of the message.
func (d *Decoder) Data() []byte { return d.take(int(d.U32())) }

// List takes a list of at most most elements.
func List[T any](d *Decoder, most int, one func(*Decoder) T) []T {
	n := int(d.U32())
	// Every element takes at least a byte, so a length beyond the message is a lie.
	if n > most || n > len(d.buf)-d.at {
		d.fail("a list of %d elements; at most %d fit", n, min(most, len(d.buf)-d.at))
	}
	if d.err != nil || n == 0 {
		return nil
	}
	list := make([]T, 0, n)
	for range n {
		v := one(d)
		if d.err != nil {
			return nil
		}
		list = append(list, v)
	}
	return list
}
