package policy

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// processorTime is what this process has used so far, of all processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// checkInvariants is what must hold for every input.
func checkInvariants(t *testing.T, text []byte) {
	t.Helper()
	p, ds := Parse("p.yaml", text, testOptions())
	if (p == nil) != ds.HasErrors() {
		t.Fatalf("policy %v with findings\n%v", p, ds)
	}
	lines := sourceLines(text)
	for i, d := range ds {
		if d.Pos.Line < 1 || d.Pos.Line > len(lines) {
			t.Fatalf("line %d of %d: %v", d.Pos.Line, len(lines), d)
		}
		length := utf8.RuneCountInString(lines[d.Pos.Line-1])
		if d.Pos.Col < 1 || d.Pos.Col > length+1 || d.Width < 1 || d.Pos.Col+d.Width > length+2 {
			t.Fatalf("column %d width %d in a line of %d: %v", d.Pos.Col, d.Width, length, d)
		}
		if d.Message == "" || !bytes.Contains(text, []byte("%!")) && strings.Contains(d.Message+d.Help+d.Hint, "%!") {
			t.Fatalf("bad message: %v", d)
		}
		if strings.ContainsAny(d.String(), "\n\x1b") {
			t.Fatalf("a message of more than a line: %q", d)
		}
		if i > 0 && (ds[i-1].Pos.Line > d.Pos.Line || ds[i-1].Pos.Line == d.Pos.Line && ds[i-1].Pos.Col > d.Pos.Col) {
			t.Fatalf("not sorted: %v before %v", ds[i-1], d)
		}
	}
	var out bytes.Buffer
	if err := Render(&out, ds, text); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			t.Fatalf("U+%04X reaches the terminal", r)
		}
	}
	if err := RenderJSON(io.Discard, ds); err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return
	}
	for _, m := range p.Modules {
		if len(m.Command) == 0 || !strings.HasPrefix(m.Command[0].V, "/") || len(m.Filesystem) == 0 || len(m.Seccomp.Allow) == 0 {
			t.Fatalf("an incomplete module: %+v", m)
		}
		for _, mount := range m.Filesystem {
			if !strings.HasPrefix(mount.Path, "/") || mount.Path == "/" || strings.Contains(mount.Path, "..") && strings.Contains(mount.Path, "/../") {
				t.Fatalf("path %q", mount.Path)
			}
		}
		for _, v := range m.Environment {
			if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
				t.Fatalf("variable %q=%q", v.Name, v.Value)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/web.yaml", "../../tests/testdata/broken.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, c := range errorCases() {
		if text, _ := culprits(c.text); len(text) < 4096 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(checkInvariants)
}

// TestHostileInput has what would take a YAML parser without bounds minutes or gigabytes.
func TestHostileInput(t *testing.T) {
	line := strings.Repeat
	for name, text := range map[string]string{
		"10 MB":                  line("version: 1\n", 1_000_000),
		"a million keys":         line("a:\n", 300_000),
		"keys of one map":        "version: 1\n" + manyLines("k", 13_000, ": 1\n"),
		"a million nulls":        line("-\n", 400_000),
		"nulls below the bound":  line("-\n", maxTokens-1),
		"signs of merge keys":    line(line(line("<", maxLess)+" ", 62)+"\n", 255),
		"tabs in quotes":         "a: \"" + line("\t", 1_000_000) + "\"",
		"quotes":                 line("\"", 1_000_000),
		"an open quote":          "a: \"" + line("b\n", 400_000),
		"blank lines in a block": "a: |\n b\n" + line("\n", 500_000) + "c: d\n",
		"blocks":                 line("a: |\n", 200_000),
		"brackets":               line("[\n", 500_000),
		"closing brackets":       line("]\n", 500_000),
		"braces":                 line("{a: ", 200_000),
		"dashes":                 line("- ", 500_000),
		"indentation":            deepMaps(1400),
		"question marks":         line("? ", 500_000),
		"anchors":                line("&a ", 300_000),
		"tags":                   line("! ", maxLine/2-1),
		"tags in lines":          line("!\n", 19_000),
		"documents":              line("---\n", 250_000),
		"colons":                 line(":", 1_000_000),
		"commas":                 "[" + line(",\n", 400_000),
		"comments":               line("#\n", 500_000),
		"at signs":               line("@\n", 400_000),
		"percent signs":          line("%a\n", 300_000),
		"pairs in a list":        "[" + line("a: b,\n", 9_000) + "]",
		"binary":                 line("\x00\xff\x1b\x80", 200_000),
		"extends of many":        "version: 1\nprofiles:\n" + extendAll(200),
		"unknown calls":          seccomp("{allow: [" + line("nosuchcall,\n", 19_000) + "]}"),
		"dollars":                "version: ${" + line("$\n  ", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := processorTime(t) // the machine may be busy with other things
			checkInvariants(t, []byte(text))
			if took := processorTime(t) - start; took > raceFactor*5*time.Second {
				t.Errorf("took %v", took)
			} else {
				t.Log(took)
			}
		})
	}
}

func manyLines(prefix string, n int, suffix string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(prefix + strings.Repeat("x", i/1000) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + suffix)
	}
	return b.String()
}

// extendAll has profiles that each extend all before them.
func extendAll(n int) string {
	var b, before strings.Builder
	for i := range n {
		name := "p" + strings.Repeat("x", i/26%8) + string(rune('a'+i%26))
		b.WriteString("  " + name + ": {extends: [" + before.String() + "], seccomp: {allow: [read]}}\n")
		before.WriteString(name + ",\n      ")
	}
	return b.String()
}
