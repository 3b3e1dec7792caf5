package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if that is right\n%s", path, diff)
	}
}

func TestRenderBrokenPolicy(t *testing.T) {
	text, err := os.ReadFile("../../tests/testdata/broken.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, ds := Parse("broken.yaml", text, testOptions())
	if p != nil {
		t.Error("there is a policy")
	}
	codes := map[string]bool{}
	for _, d := range ds {
		codes[d.Code] = true
	}
	if len(codes) < 15 {
		t.Errorf("only %d different errors", len(codes))
	}
	var out bytes.Buffer
	if err := Render(&out, ds, text); err != nil {
		t.Fatal(err)
	}
	golden(t, "broken.golden", out.Bytes())
	out.Reset()
	if err := RenderJSON(&out, ds); err != nil {
		t.Fatal(err)
	}
	golden(t, "broken.json", out.Bytes())
}

func TestRenderStyle(t *testing.T) {
	at := func(line, col int) Pos { return Pos{"web.yaml", line, col} }
	for _, c := range []struct {
		name   string
		source string
		d      Diagnostic
		want   string
	}{
		{
			"the documented form", strings.Repeat("\n", 30) + "      - [openat, wirte]\n",
			Diagnostic{Code: "E201", Message: `unknown system call "wirte"`, Hint: `did you mean "write"?`, Pos: at(31, 18), Width: 5},
			"error[E201]: unknown system call \"wirte\"\n  web.yaml:31:18\n   31 |       - [openat, wirte]\n      |                  ^^^^^ did you mean \"write\"?\n",
		},
		{
			"help and a warning", "a: b\n",
			Diagnostic{Code: "W418", Severity: SeverityWarning, Message: "x", Help: "do y", Pos: at(1, 4), Width: 1},
			"warning[W418]: x\n  web.yaml:1:4   help: do y\n    1 | a: b\n      |    ^\n",
		},
		{
			"tabs", "\ta:\tb\n", Diagnostic{Code: "E104", Message: "x", Pos: at(1, 5), Width: 1},
			"error[E104]: x\n  web.yaml:1:5\n    1 | \ta:\tb\n      | \t  \t^\n",
		},
		{
			"wide characters", "日本: 語x\n", Diagnostic{Code: "E113", Message: "x", Pos: at(1, 5), Width: 2},
			"error[E113]: x\n  web.yaml:1:5\n    1 | 日本: 語x\n      |       ^^^\n",
		},
		{
			"combining characters", "e\u0301: x\n", Diagnostic{Code: "E113", Message: "x", Pos: at(1, 5), Width: 1},
			"error[E113]: x\n  web.yaml:1:5\n    1 | e\u0301: x\n      |    ^\n",
		},
		{
			"what would disturb a terminal", "a: \x1b[31m\u202eb\n", Diagnostic{Code: "E103", Message: "\x1b]0;x\a", Pos: at(1, 4), Width: 1},
			"error[E103]: \ufffd]0;x\ufffd\n  web.yaml:1:4\n    1 | a: \ufffd[31m\ufffdb\n      |    ^\n",
		},
		{
			"the end of a line", "a:\n", Diagnostic{Code: "E113", Message: "x", Pos: at(1, 3), Width: 1},
			"error[E113]: x\n  web.yaml:1:3\n    1 | a:\n      |   ^\n",
		},
		{
			"a line that is not there", "", Diagnostic{Code: "E101", Message: "x", Pos: at(7, 1), Width: 1},
			"error[E101]: x\n  web.yaml:7:1\n",
		},
	} {
		var out bytes.Buffer
		if err := Render(&out, Diagnostics{c.d}, []byte(c.source)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestRenderCutsLongLines(t *testing.T) {
	source := "a: " + strings.Repeat("x", 10_000) + "y" + strings.Repeat("z", 10_000)
	var out bytes.Buffer
	d := Diagnostic{Code: "E106", Message: "x", Pos: Pos{"p.yaml", 1, 10_004}, Width: 1}
	if err := Render(&out, Diagnostics{d}, []byte(source)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	shown, caret := []rune(lines[2]), []rune(lines[3])
	if len(shown) > maxShown+10 {
		t.Errorf("%d characters are shown", len(shown))
	}
	if at := len(caret) - 1; caret[at] != '^' || shown[at] != 'y' {
		t.Errorf("the caret is below %q", shown[at])
	}
}

func TestJSONFields(t *testing.T) {
	var out bytes.Buffer
	ds := Diagnostics{{Code: "W418", Severity: SeverityWarning, Message: "<m>", Hint: "h", Help: "p", Pos: Pos{"f.yaml", 2, 3}, Width: 4}}
	if err := RenderJSON(&out, ds); err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{"code": "W418", "severity": "warning", "file": "f.yaml", "line": 2.0, "column": 3.0, "width": 4.0, "message": "<m>", "hint": "h", "help": "p"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	if err := RenderJSON(&out, nil); err != nil || out.String() != "[]\n" {
		t.Errorf("no findings are %q, %v", out.String(), err)
	}
}

func TestDiagnosticsAsAnError(t *testing.T) {
	warning := Diagnostic{Code: "W418", Severity: SeverityWarning, Message: "w", Pos: Pos{"f", 1, 1}}
	failure := Diagnostic{Code: "E113", Message: "e", Hint: "h", Help: "p", Pos: Pos{"f", 2, 3}}
	if err := (Diagnostics{warning}).Err(); err != nil {
		t.Errorf("a warning is an error: %v", err)
	}
	if err := (Diagnostics{warning, failure}).Err(); err == nil || !strings.Contains(err.Error(), "f:2:3: error[E113]: e; h; help: p") {
		t.Errorf("got %v", err)
	}
}

func TestShownIsAlwaysPrintable(t *testing.T) {
	for r := rune(0); r < utf8.MaxRune; r++ {
		s := shown(r)
		if s != '\t' && (s < ' ' || s == 0x7f || s >= 0x80 && s < 0xa0 || s >= 0x202a && s <= 0x202e || s >= 0x2066 && s <= 0x2069) {
			t.Fatalf("U+%04X is shown as U+%04X", r, s)
		}
		if c := columns(s); c < 0 || c > 2 {
			t.Fatalf("U+%04X takes %d columns", s, c)
		}
	}
}
