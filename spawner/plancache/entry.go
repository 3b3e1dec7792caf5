package plancache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Entry is a plan with what it depends on.
type Entry struct {
	Key Key
	// Exchanges are the questions that were asked about the host, with the answers that were given.
	Exchanges []compile.Exchange
	// Plan is the plan as the compile process sent it.
	Plan []byte
}

// MaxEntry is the size of the largest entry, in bytes. A larger plan is compiled every time.
const MaxEntry = 2 << 20

// format begins every entry; its number changes with the layout.
const format = "bulkhead plan 1\n"

const (
	headSize     = len(format) + sha256.Size
	maxExchanges = 10_000
)

// ErrDamaged is an entry that is not what was written.
var ErrDamaged = errors.New("damaged")

// Encode returns the entry as it is kept: the format, the SHA-256 of what follows, and the fields.
func (e Entry) Encode() []byte {
	body := &wire.Encoder{}
	body.Data(e.Key[:])
	wire.Each(body, e.Exchanges, func(w *wire.Encoder, x compile.Exchange) {
		w.Data(x.Question)
		w.Data(x.Answer)
	})
	body.Data(e.Plan)
	sum := sha256.Sum256(body.Bytes())
	return append(append([]byte(format), sum[:]...), body.Bytes()...)
}

// DecodeEntry reads what Encode wrote. The parts of the entry are parts of data. The error is [ErrDamaged].
func DecodeEntry(data []byte) (Entry, error) {
	if len(data) < headSize || len(data) > MaxEntry {
		return Entry{}, fmt.Errorf("%w: %d bytes", ErrDamaged, len(data))
	}
	if string(data[:len(format)]) != format {
		return Entry{}, fmt.Errorf("%w: it has another format", ErrDamaged)
	}
	body := data[headSize:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(format):headSize]) {
		return Entry{}, fmt.Errorf("%w: its checksum differs", ErrDamaged)
	}
	d := wire.NewDecoder(body)
	var e Entry
	if key := d.Data(); len(key) == len(e.Key) {
		e.Key = Key(key)
	} else {
		return Entry{}, fmt.Errorf("%w: a key of %d bytes", ErrDamaged, len(key))
	}
	e.Exchanges = wire.List(d, maxExchanges, func(d *wire.Decoder) compile.Exchange {
		return compile.Exchange{Question: d.Data(), Answer: d.Data()}
	})
	e.Plan = d.Data()
	if err := d.Done(); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return e, nil
}
