package posix

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// Dirents yields the names and the types (DT_DIR …; DT_UNKNOWN where a file system does not say) in what [Files.Getdents] read, without the
// directory itself and the one above. Bytes that are no entry end it. Source: getdents(2), struct linux_dirent64.
func Dirents(entries []byte) iter.Seq2[string, uint8] {
	// Inode (8 bytes), offset (8), length of the record (2), type (1), name with a zero byte.
	const length, kind, name = 16, 18, 19
	return func(yield func(string, uint8) bool) {
		for len(entries) > name {
			size := int(binary.NativeEndian.Uint16(entries[length:]))
			if size <= name || size > len(entries) {
				return
			}
			text, _, ended := bytes.Cut(entries[name:size], []byte{0})
			if !ended || len(text) == 0 {
				return
			}
			if s := string(text); s != "." && s != ".." && !yield(s, entries[kind]) {
				return
			}
			entries = entries[size:]
		}
	}
}
