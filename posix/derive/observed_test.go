package derive

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/record"
)

const start = `{"recording":"posix","version":1,"platform":"linux/amd64","operations":"x","crc":"0"}` + "\n"

func TestReadRecording(t *testing.T) {
	for _, c := range []struct {
		name, text string
		calls      map[posix.Op]int
		ended      bool
		err        string
	}{
		{"complete", start + `{"n":1,"op":"read"}` + "\n" + `{"n":2,"op":"read"}` + "\n" + `{"end":2}` + "\n", map[posix.Op]int{posix.OpRead: 2}, true, ""},
		{"killed between lines", start + `{"n":1,"op":"close"}` + "\n", map[posix.Op]int{posix.OpClose: 1}, false, ""},
		{"killed in a line", start + `{"n":1,"op":"close"}` + "\n" + `{"n":2,"op":"re`, map[posix.Op]int{posix.OpClose: 1}, false, ""},
		{"no calls", start + `{"end":0}` + "\n", map[posix.Op]int{}, true, ""},
		{"broken in the middle", start + `{"n":1,` + "\n" + `{"n":2,"op":"read"}` + "\n", nil, false, "r:2: not a line of a recording"},
		{"empty", "", nil, false, "r: not a recording: it is empty"},
		{"something else", "{}\n", nil, false, "r:1: not a recording of posix calls"},
		{"no JSON", "hello\n", nil, false, "r:1: not a recording"},
		{"another version", strings.Replace(start, `"version":1`, `"version":2`, 1), nil, false, "version 1"},
		{"another system", strings.Replace(start, "linux/", "plan9/", 1), nil, false, `"plan9/amd64"`},
		{"an operation that is not known", start + `{"n":1,"op":"teleport"}` + "\n", nil, false, `r:2: operation "teleport" is not known`},
		{"after the end", start + `{"end":0}` + "\n" + `{"n":1,"op":"read"}` + "\n", nil, false, "r:3: a line after the end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := ReadRecording("r", strings.NewReader(c.text))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if o.Ended != c.ended || len(o.Calls) != len(c.calls) || o.Arch != "amd64" {
				t.Errorf("%+v, want %v, ended %t", o, c.calls, c.ended)
			}
			for op, n := range c.calls {
				if o.Calls[op] != n {
					t.Errorf("%s: %d, want %d", op, o.Calls[op], n)
				}
			}
		})
	}
}

// TestReadWhatRecordWrites holds the reader against the writer.
func TestReadWhatRecordWrites(t *testing.T) {
	below := mocks.NewCore(gomock.NewController(t))
	below.Files.EXPECT().Close(posix.FD(3)).Return(posix.Errno(9))
	below.Processes.EXPECT().Getpid().Return(posix.PID(7)).Times(2)
	var text bytes.Buffer
	core, err := record.New(below, &text)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = core.Close(3), core.Getpid(), core.Getpid()
	if err := core.Finish(); err != nil {
		t.Fatal(err)
	}
	o, err := ReadRecording("r", &text)
	if err != nil {
		t.Fatal(err)
	}
	if !o.Ended || len(o.Calls) != 2 || o.Calls[posix.OpClose] != 1 || o.Calls[posix.OpGetpid] != 2 {
		t.Errorf("%+v", o)
	}
}

func FuzzReadRecording(f *testing.F) {
	f.Add(start + `{"n":1,"op":"read"}` + "\n" + `{"end":1}` + "\n")
	f.Add("{")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ReadRecording("r", strings.NewReader(text))
		if (o == nil) == (err == nil) {
			t.Errorf("both or neither of %v and %v", o, err)
		}
		if err == nil && o.Arch == "" {
			t.Error("a recording without an architecture")
		}
	})
}
