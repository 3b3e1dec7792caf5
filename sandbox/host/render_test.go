package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWriteText(t *testing.T) {
	table := []Protection{
		{Name: "seccomp", Available: Yes, Detail: "filters"},
		{Name: "own /proc", Available: No, Detail: "a user namespace may not mount what this host hides", Enable: "umount /proc/kcore"},
		{Name: "é", Available: Partly, Detail: ""},
	}
	const want = `PROTECTION  AVAILABLE  DETAIL
seccomp     yes        filters
own /proc   no         a user namespace may not mount
                       what this host hides
                       to enable: umount /proc/kcore
é           partly
`
	var b bytes.Buffer
	if err := WriteText(&b, table, 53); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWriteTextFits(t *testing.T) {
	for _, f := range []Facts{debian12(), ordinary(), ubuntu2404(), hybrid()} {
		var b bytes.Buffer
		if err := WriteText(&b, Report(f), 100); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 100 {
				t.Errorf("too wide: %q", line)
			}
		}
	}
}

func TestWriteJSON(t *testing.T) {
	table := Report(ubuntu2404())
	var b bytes.Buffer
	if err := WriteJSON(&b, table); err != nil {
		t.Fatal(err)
	}
	var back []Protection
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || !slices.Equal(back, table) {
		t.Errorf("the table does not survive: %v, %s", err, cmp.Diff(table, back))
	}
	if !strings.Contains(b.String(), `"available": "partly"`) {
		t.Errorf("availability is not a word in %s", b.String())
	}
	if err := json.Unmarshal([]byte(`[{"available": "maybe"}]`), &back); err == nil {
		t.Error("an availability that is none was accepted")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriteErrors(t *testing.T) {
	if err := WriteText(brokenPipe{}, nil, 80); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if err := WriteJSON(brokenPipe{}, nil); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"a-long-word-of-its-own b", []string{"a-long-word-of-its-own", "b"}},
		{"éééé éé", []string{"éééé éé"}},
	} {
		if got := wrap(test.text, 7); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}
