package plancache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"

	"github.com/bulkhead/bulkhead/spawner/compile"
)

func someEntry() Entry {
	return Entry{Key: Key{1, 2, 3}, Exchanges: []compile.Exchange{{Question: []byte("q"), Answer: []byte("answer")}, {Question: []byte("q2"), Answer: []byte{}}},
		Plan: somePlan(2).Encode()}
}

func TestEntry(t *testing.T) {
	data := someEntry().Encode()
	got, err := DecodeEntry(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, someEntry()) {
		t.Errorf("%+v\nwant\n%+v", got, someEntry())
	}
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if _, err := DecodeEntry(changed); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := DecodeEntry(data[:i]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := DecodeEntry(append(data, 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

// sealed returns body with a format and a checksum that are right.
func sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(append([]byte(format), sum[:]...), body...)
}

// FuzzDecodeEntry: whatever is decoded encodes to the same bytes, and nothing else is taken. Bodies get the right checksum, as
// somebody would give them who can write to the directory.
func FuzzDecodeEntry(f *testing.F) {
	f.Add(someEntry().Encode()[headSize:])
	f.Add(Entry{}.Encode()[headSize:])
	f.Add([]byte{32, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, err := DecodeEntry(body); err == nil && !bytes.Equal(e.Encode(), body) {
			t.Fatal("a file decodes to an entry that encodes differently")
		}
		data := sealed(body)
		e, err := DecodeEntry(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(e.Encode(), data) {
			t.Fatal("an entry encodes to other bytes than it was decoded from")
		}
	})
}
