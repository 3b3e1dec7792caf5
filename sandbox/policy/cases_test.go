package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// errorCase is a policy with its culprits between « and ».
type errorCase struct {
	name  string
	text  string
	codes string // one for each culprit, in the order of the file; several for one are joined by +
	hint  string // the hint of the first finding
	help  string // a part of the help of the first finding
	says  string // a part of the message of the first finding
}

// module returns a valid policy of one module with more lines for it, which are indented here.
func module(lines ...string) string {
	return "version: 1\nmodules:\n  m:\n    command: [/bin/m]\n    seccomp: {allow: [read]}\n    filesystem: [{path: /bin, access: rx}]\n    " +
		strings.Join(lines, "\n    ") + "\n"
}

// seccomp returns a valid policy with a filter of its own.
func seccomp(filter string) string {
	return "version: 1\nmodules:\n  m:\n    command: [/bin/m]\n    filesystem: [{path: /bin, access: rx}]\n    seccomp: " + filter + "\n"
}

// mounts returns a policy of one module with a file-system list of its own.
func mounts(list string, lines ...string) string {
	return "version: 1\nmodules:\n  m:\n    command: [/bin/m]\n    seccomp: {allow: [read]}\n    filesystem: " + list + "\n    " +
		strings.Join(lines, "\n    ") + "\n"
}

// listeners returns a policy with listeners that its module uses.
func listeners(list, used string) string {
	return "version: 1\nlisteners:\n  " + strings.ReplaceAll(list, "\n", "\n  ") + "\n" +
		strings.TrimPrefix(module("listeners: "+used), "version: 1\n")
}

// culprits takes the markers out of a text and returns where they were.
func culprits(marked string) (text string, spans []span) {
	var b strings.Builder
	line, col := 1, 1
	for len(marked) > 0 {
		r, size := utf8.DecodeRuneInString(marked)
		char := marked[:size]
		marked = marked[size:]
		switch r {
		case '«':
			spans = append(spans, span{Pos{"p.yaml", line, col}, 0})
			continue
		case '»':
			open := &spans[len(spans)-1]
			open.width = max(1, col-open.pos.Col)
			continue
		case '\n':
			line, col = line+1, 0
		}
		col++
		b.WriteString(char)
	}
	return b.String(), spans
}

func errorCases() []errorCase {
	return slices.Concat(yamlCases(), nameCases(), seccompCases(), referenceCases(), valueCases(), healthCases(), acceptCases())
}

func TestErrors(t *testing.T) {
	produced := map[string]bool{}
	for _, c := range errorCases() {
		t.Run(c.name, func(t *testing.T) {
			text, spans := culprits(c.text)
			p, ds := Parse("p.yaml", []byte(text), testOptions())
			for _, d := range ds {
				produced[d.Code] = true
			}
			if (p == nil) != ds.HasErrors() {
				t.Errorf("policy %v with findings\n%v", p, ds)
			}
			want := ""
			codes := strings.Fields(c.codes)
			if len(codes) != len(spans) {
				t.Fatalf("the case has %d culprits and %d codes", len(spans), len(codes))
			}
			for i, s := range spans {
				for code := range strings.SplitSeq(codes[i], "+") {
					want += fmt.Sprintf("%s %s +%d\n", code, s.pos, s.width)
				}
			}
			got := ""
			for _, d := range ds {
				got += fmt.Sprintf("%s %s +%d\n", d.Code, d.Pos, d.Width)
			}
			if got != want {
				t.Fatalf("got\n%swant\n%sfindings\n%v", got, want, ds)
			}
			if len(ds) == 0 {
				return
			}
			if c.hint != "" && ds[0].Hint != c.hint {
				t.Errorf("hint %q, want %q", ds[0].Hint, c.hint)
			}
			if !strings.Contains(ds[0].Help, c.help) {
				t.Errorf("help %q, want %q in it", ds[0].Help, c.help)
			}
			if !strings.Contains(ds[0].Message, c.says) {
				t.Errorf("message %q, want %q in it", ds[0].Message, c.says)
			}
			if strings.Contains(ds[0].Message+ds[0].Help+ds[0].Hint, "%!") {
				t.Errorf("a format is wrong: %v", ds[0])
			}
			if !utf8.ValidString(ds.Error()) {
				t.Errorf("not UTF-8: %q", ds.Error())
			}
		})
	}
	produced[codeParserBug] = true    // see TestParserPanic
	produced[codeTooMany] = true      // see TestTooManyFindings
	produced[codeIncludeCycle] = true // see TestIncludeErrors
	for _, c := range Codes() {
		if !produced[c.Code] {
			t.Errorf("no case produces %s: %s", c.Code, c.Meaning)
		}
	}
}

func TestCodesAreOrderedAndExplained(t *testing.T) {
	seen := map[string]bool{}
	group := byte('0')
	for _, c := range slices.Concat(Codes(), HostCodes()) {
		if seen[c.Code] || c.Meaning == "" || len(c.Code) != 4 {
			t.Errorf("bad entry %+v", c)
		}
		if c.Code[1] < group {
			t.Errorf("%s is out of order", c.Code)
		}
		if number := c.Code[1:]; seen["E"+number] || seen["W"+number] {
			t.Errorf("%s is an error and a warning", number)
		}
		seen[c.Code], group = true, c.Code[1]
	}
}
