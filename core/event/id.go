package event

import (
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"
)

// IDs makes the names of events: UUIDs of version 7, each greater than the one before, in bytes as in text.
//
// The 12 bits behind the milliseconds count the IDs of one millisecond, from a random number below half of their range on; should they
// overflow, the ID is of the next millisecond. A clock that goes back does not take the IDs with it. Source: RFC 9562, 5.7 and 6.2.
type IDs struct {
	mu      sync.Mutex // guards all of it
	random  io.Reader
	millis  int64
	counter uint16
}

const counterBits = 12

// NewIDs returns a generator. random is crypto/rand.Reader, or something with known bytes in a test; an error of it is a panic.
func NewIDs(random io.Reader) *IDs { return &IDs{random: random} }

// New returns the ID of something that happened at a time after 1970, such as "01980b2c-6f1f-7c3a-9d52-3b1e0a4f8c11".
func (g *IDs) New(at time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var id [16]byte
	if _, err := io.ReadFull(g.random, id[6:]); err != nil {
		panic(fmt.Sprintf("event: random bytes for an ID: %v", err))
	}
	if millis := at.UnixMilli(); millis > g.millis {
		g.millis = millis
		g.counter = (uint16(id[6])<<8 | uint16(id[7])) & (1<<(counterBits-1) - 1)
	} else if g.counter++; g.counter == 1<<counterBits {
		g.millis++
		g.counter = 0
	}
	for i := range 6 {
		id[i] = byte(g.millis >> (40 - 8*i))
	}
	id[6] = 7<<4 | byte(g.counter>>8)
	id[7] = byte(g.counter)
	id[8] = 0b10<<6 | id[8]&0x3f
	var text [36]byte
	n := 0
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			text[n] = '-'
			n++
		}
		n += hex.Encode(text[n:], part)
	}
	return string(text[:])
}
