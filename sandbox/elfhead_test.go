package sandbox

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

func TestInterpreter(t *testing.T) {
	tests := []struct {
		name, head, want string
	}{
		{"empty", "", ""},
		{"text", "hello", ""},
		{"static", string(elfFile("")), ""},
		{"dynamic", string(elfFile(loader)), loader},
		{"header cut short", string(elfFile(loader)[:40]), ""},
		{"interpreter cut short", string(elfFile(loader)[:64+56+5]), ""},
		{"script", "#!/bin/sh\nexit", "/bin/sh"},
		{"script with an argument", "#! /usr/bin/env -S x\n", "/usr/bin/env"},
		{"script without an end of line", "#!/bin/sh", "/bin/sh"},
		{"script without an interpreter", "#!\n/bin/sh", ""},
		{"script with spaces only", "#!  \t \n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := interpreter([]byte(tt.head)); got != tt.want {
				t.Errorf("interpreter is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestInterpreterOfThisHost reads a program that the distribution made, whose section headers are far behind its head.
func TestInterpreterOfThisHost(t *testing.T) {
	data, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	head := data[:min(len(data), HeadSize)]
	if got := interpreter(head); !strings.HasPrefix(got, "/lib") {
		t.Errorf("the loader of /bin/sh is %q", got)
	}
	if len(data) <= HeadSize {
		t.Errorf("/bin/sh has only %d bytes: this test shows nothing", len(data))
	}
}

func TestHeadReaderHidesSections(t *testing.T) {
	data := bytes.Repeat([]byte{0xee}, 80)
	// However it is read, byte by byte or at once, the same bytes are hidden.
	whole := make([]byte, len(data))
	if _, err := (headReader{bytes.NewReader(data)}).ReadAt(whole, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	for i := range data {
		one := make([]byte, 1)
		if _, err := (headReader{bytes.NewReader(data)}).ReadAt(one, int64(i)); err != nil {
			t.Fatal(err)
		}
		hidden := i >= 0x28 && i < 0x30 || i >= 0x3c && i < 0x40
		if (one[0] == 0) != hidden || whole[i] != one[0] {
			t.Errorf("byte %d: %#x alone, %#x with the others; hidden: %v", i, one[0], whole[i], hidden)
		}
	}
}

func FuzzInterpreter(f *testing.F) {
	f.Add(elfFile(loader))
	f.Add(elfFile(""))
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte("#!"))
	f.Add([]byte("\x7fELF\x01\x01\x01"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if len(head) > HeadSize {
			head = head[:HeadSize]
		}
		before := bytes.Clone(head)
		got := interpreter(head)
		if !bytes.Equal(before, head) {
			t.Fatal("the head was changed")
		}
		if got != "" && !bytes.Contains(head, []byte(got)) {
			t.Errorf("%q is not in the head", got)
		}
	})
}
