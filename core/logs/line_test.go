package logs

import (
	"bytes"
	"testing"
)

// Lines put together again are what was cut, but for their ends.
func FuzzCut(f *testing.F) {
	f.Add([]byte("a\nb\r\nc"))
	f.Add(bytes.Repeat([]byte("x"), 3*maxLine))
	f.Fuzz(func(t *testing.T, data []byte) {
		rest, total := data, 0
		for {
			line, n := cut(rest)
			if n == 0 {
				break
			}
			if !bytes.HasPrefix(rest, line) || n > len(rest) || len(line) > maxLine || bytes.ContainsRune(line, '\n') {
				t.Fatalf("%q, %d of %q", line, n, rest)
			}
			if end := string(rest[len(line):n]); end != "\n" && end != "\r\n" && !(end == "" && n == maxLine) {
				t.Fatalf("%q ends with %q", line, end)
			}
			rest = rest[n:]
			total += n
		}
		if total+len(rest) != len(data) || len(rest) > maxLine || bytes.ContainsRune(rest, '\n') {
			t.Fatalf("%d and %q of %q", total, rest, data)
		}
	})
}
