package tests

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

var update = flag.Bool("update", false, "write the golden messages anew")

// brokenFiles are the broken policies; each has what check prints about it beside it.
func brokenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 60 {
		t.Fatalf("only %d broken policies were found", len(files))
	}
	return files
}

func checked(name string, text []byte) (*policy.Policy, policy.Diagnostics) {
	catalog := seccomp.X8664.Catalog() // on every machine: the messages name what this architecture has
	return policy.Parse(name, text, policy.Options{Catalog: catalog, Dir: "/srv/app"})
}

// TestBrokenPolicies: each broken policy is refused, or warned of, with the very messages beside it.
func TestBrokenPolicies(t *testing.T) {
	for _, file := range brokenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, ds := checked(filepath.Base(file), text)
			if p != nil {
				t.Errorf("the policy is not refused:\n%v", ds)
			}
			var got bytes.Buffer
			if err := policy.Render(&got, ds, text); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s differs (-want +got); run with -update if that is right\n%s", golden, diff)
			}
		})
	}
}

// TestEveryGoldenHasItsPolicy: a message that is left over from a removed policy would test nothing.
func TestEveryGoldenHasItsPolicy(t *testing.T) {
	goldens, err := filepath.Glob("testdata/broken/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goldens {
		if _, err := os.Stat(strings.TrimSuffix(g, ".golden") + ".yaml"); err != nil {
			t.Errorf("%s: %v", g, err)
		}
	}
}

// TestHugeInput has what is too large to keep in a file. Each is refused with a place, in bounded time.
func TestHugeInput(t *testing.T) {
	expression := func(when string) string {
		return "version: 1\nmodules:\n  web:\n    command: [/usr/bin/web]\n    filesystem: [{path: /usr, access: rx}]\n    seccomp:\n      allow:\n        - call: socket\n          when: >\n            " +
			when + "\n"
	}
	line := strings.Repeat
	for name, c := range map[string]struct{ text, code string }{
		"a string of 10 MB":          {"version: 1\nmodules: \"" + line("x", 10<<20) + "\"\n", "E102"},
		"a string of 1 MB":           {"version: 1\nmodules: \"" + line("x", 1<<20-100) + "\"\n", "E106"},
		"a million lines":            {line("a: b\n", 200_000), "E106"},
		"an expression of 900 KB":    {expression(line("family == 1 ||\n            ", 32_000) + "family == 2"), "E106"},
		"parentheses by the million": {expression(line(line("(", 100)+"\n            ", 5000) + "family"), "E106"},
		"a list of 1000 values":      {expression("family in [" + line("AF_INET,\n            ", 400) + "AF_INET]"), "E314"},
		"negations":                  {expression(line("!", 3000) + "family"), "E105"},
		"maps in maps":               {"version: 1\nmodules: " + line("{a: \n  ", 900) + line("}", 900), "E105"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			p, ds := checked("huge.yaml", []byte(c.text))
			if p != nil || !ds.HasErrors() {
				t.Fatal("it is not refused")
			}
			if !strings.Contains(ds.Error(), "["+c.code+"]") || ds[0].Pos.Line < 1 {
				t.Errorf("no %s in\n%.2000v", c.code, ds)
			}
			t.Log(time.Since(start), len(ds))
		})
	}
}
