package posix_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
)

// dirent is an entry as the kernel writes it: its length is a multiple of 8.
func dirent(name string, kind uint8) []byte {
	b := make([]byte, (19+len(name)+1+7)&^7)
	binary.NativeEndian.PutUint16(b[16:], uint16(len(b)))
	b[18] = kind
	copy(b[19:], name)
	return b
}

func TestDirents(t *testing.T) {
	const directory, file = 4, 8
	web := dirent("web", directory)
	for _, c := range []struct {
		name string
		in   []byte
		want []string
	}{
		{"nothing", nil, nil},
		{"two and the ones that are in every directory", slices.Concat(dirent(".", directory), dirent("..", directory), web, dirent("a name that needs more", file)),
			[]string{"web 4", "a name that needs more 8"}},
		{"names with dots", slices.Concat(dirent("...", file), dirent(".a", file)), []string{"... 8", ".a 8"}},
		{"the second one cut", slices.Concat(web, web[:23]), []string{"web 4"}},
		{"only a head", web[:19], nil},
		{"a record of no length", make([]byte, 64), nil},
		{"no name", slices.Concat(web, dirent("", file), web), []string{"web 4"}},
		{"a name without an end", slices.Replace(dirent("abcd", file), 19, 24, 'x', 'x', 'x', 'x', 'x'), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for name, kind := range posix.Dirents(c.in) {
				got = append(got, fmt.Sprint(name, " ", kind))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	for name := range posix.Dirents(slices.Concat(web, dirent("next", file))) {
		if name != "web" {
			t.Errorf("%q after the loop was left", name)
		}
		break
	}
}

func FuzzDirents(f *testing.F) {
	f.Add(slices.Concat(dirent(".", 4), dirent("a.yaml", 8)))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, entries []byte) {
		total := 0
		for name := range posix.Dirents(entries) {
			if name == "" || name == "." || name == ".." || strings.IndexByte(name, 0) >= 0 {
				t.Errorf("name %q", name)
			}
			total += 19 + len(name) + 1
		}
		if total > len(entries) {
			t.Errorf("%d bytes of entries from %d bytes", total, len(entries))
		}
	})
}
