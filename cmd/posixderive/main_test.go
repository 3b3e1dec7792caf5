package main

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       options
		err        string
	}{
		{"a package", "./x", options{output: "table", from: "reachable", pattern: "./x"}, ""},
		{"flags on both sides", "-o yaml ./x --from declared", options{output: "yaml", from: "declared", pattern: "./x"}, ""},
		{"everything", "--output=yaml --from=observed --recording r --tags a,b --arch arm64 ./x",
			options{output: "yaml", from: "observed", recording: "r", tags: "a,b", arch: "arm64", pattern: "./x"}, ""},
		{"nothing", "", options{}, "name one package"},
		{"two packages", "./x ./y", options{}, "name one package"},
		{"many packages", "./...", options{}, "name one package"},
		{"a basis for a table", "--from declared ./x", options{}, "--from is for -o yaml"},
		{"a basis that is none", "-o yaml --from guess ./x", options{}, "use declared, reachable or observed"},
		{"observed, and nothing was", "-o yaml --from observed ./x", options{}, "needs --recording FILE"},
		{"a format that is none", "-o xml ./x", options{}, `"xml": use table, yaml or json`},
		{"a flag that is none", "--wrong ./x", options{}, "--help` lists the flags"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, help, err := parse(strings.Fields(c.line), nil)
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want one with %q", err, c.err)
				}
			case err != nil || help || got != c.want:
				t.Errorf("%+v, help %t, error %v; want %+v", got, help, err, c.want)
			}
		})
	}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, line   string
		status       int
		stdout, says string
	}{
		{"help", "--help", statusDone, "Usage:\n  supervisor policy derive [flags] PACKAGE\n", ""},
		{"a wrong command line", "", statusInvalid, "", "supervisor: policy derive: name one package"},
		{"no such recording", "--recording /nonexistent ./x", statusInvalid, "", "/nonexistent: no such file"},
		{"no such package", "./nonexistent", statusFailed, "", "./nonexistent does not load"},
		{"a library", "../../posix/aside", statusDone, "Of posix.Core", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if status := run(strings.Fields(c.line), &stdout, &stderr); status != c.status {
				t.Errorf("status %d, want %d\n%s", status, c.status, stderr.String())
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.says) {
				t.Errorf("printed %q and said %q, want %q and %q", stdout.String(), stderr.String(), c.stdout, c.says)
			}
		})
	}
}
