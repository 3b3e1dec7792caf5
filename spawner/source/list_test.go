package source

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// record is a directory entry in the kernel's layout.
func record(name string) []byte {
	size := (recordName + len(name) + 1 + 7) &^ 7
	b := make([]byte, size)
	binary.NativeEndian.PutUint16(b[recordLength:], uint16(size))
	copy(b[recordName:], name)
	return b
}

func TestEntryNames(t *testing.T) {
	long := strings.Repeat("n", 255)
	whole := slices.Concat(record("."), record("a.yaml"), record(long))
	for _, c := range []struct {
		name string
		in   []byte
		want []string
	}{
		{"nothing", nil, nil},
		{"three", whole, []string{".", "a.yaml", long}},
		{"cut short", whole[:len(whole)-1], []string{".", "a.yaml"}},
		{"only a head", whole[:recordName], nil},
		{"a record of no length", make([]byte, 64), nil},
		{"a name without an end", slices.Replace(record("abcd"), recordName, 24, 'x', 'x', 'x', 'x', 'x'), nil},
	} {
		if got := slices.Collect(entryNames(c.in)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
	}
}

func FuzzEntryNames(f *testing.F) {
	f.Add(slices.Concat(record("."), record("a.yaml")))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, entries []byte) {
		total := 0
		for name := range entryNames(entries) {
			if name == "" || strings.IndexByte(name, 0) >= 0 {
				t.Errorf("name %q", name)
			}
			total += recordName + len(name) + 1
		}
		if total > len(entries) {
			t.Errorf("%d bytes of entries from %d bytes", total, len(entries))
		}
	})
}
