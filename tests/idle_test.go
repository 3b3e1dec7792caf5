package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// idle says who finds what has no effect in each file of testdata/idle, and by which name. The line with "# here" is where it is found.
var idle = map[string]string{
	"accept-of-nothing":                         "C30",
	"accept-that-is-over":                       "C31",
	"allow-by-group-already":                    "W308",
	"allow-by-profile-already":                  "E303",
	"allow-that-a-condition-takes-away":         "C04",
	"allow-that-deny-takes-away":                "E304",
	"allow-twice":                               "E303",
	"architecture-twice":                        "E415",
	"best-effort-of-nothing":                    "E413",
	"call-of-a-newer-kernel":                    "E319",
	"call-of-another-architecture":              "E202",
	"call-that-nobody-knows":                    "E201",
	"calls-without-their-capability":            "C13",
	"capability-twice":                          "E415",
	"capability-without-its-calls":              "C12",
	"condition-always":                          "E314",
	"condition-beside-a-group":                  "W317",
	"condition-beside-the-whole-call":           "E318",
	"condition-in-a-wider-one":                  "C04",
	"condition-in-a-wider-one-before":           "C04",
	"condition-in-two-others":                   "C04",
	"condition-never":                           "E314",
	"condition-never-masked":                    "E314",
	"deny-by-a-group-already":                   "W308",
	"deny-condition-beside-the-whole-call":      "E318",
	"deny-condition-outside-of-what-is-allowed": "C04",
	"deny-group-of-what-is-not-allowed":         "C04",
	"deny-of-what-is-not-allowed":               "C04",
	"deny-twice":                                "E303",
	"deny-with-the-answer-that-it-has-anyway":   "E416",
	"empty-list-over-a-profile":                 "E416",
	"expect-with-subset":                        "E416",
	"group-in-a-group":                          "W308",
	"if-supported-as-it-is-anyway":              "E416",
	"if-supported-of-what-is-everywhere":        "W321",
	"if-supported-of-what-the-kernel-has":       "W321",
	"include-twice":                             "E415",
	"listener-of-nobody":                        "E406",
	"namespace-twice":                           "E415",
	"overridable-in-a-module":                   "E416",
	"path-twice":                                "E415",
	"profile-of-nobody":                         "E404",
	"profile-twice":                             "E415",
	"raw64-of-64-bits":                          "E416",
	"reset-of-nothing":                          "E416",
	"restart-delay-without-restart":             "E416",
	"retries-without-a-probe":                   "E416",
	"test-twice":                                "E415",
	"value-in-a-range-already":                  "E314",
	"value-twice":                               "E314",
}

// TestNothingIsIdleInSilence: what has no effect is an error, a warning, or a finding of the audit, at its place.
func TestNothingIsIdleInSilence(t *testing.T) {
	files, err := filepath.Glob("testdata/idle/*.yaml")
	if err != nil || len(files) != len(idle) {
		t.Fatalf("%d files, %v; %d are expected", len(files), err, len(idle))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before, _, marked := strings.Cut(string(text), "# here")
			want := fmt.Sprintf("%s:%d", idle[name], 1+strings.Count(before, "\n"))
			if !marked {
				t.Fatal("no line is marked")
			}
			found := idleFindings(t, file, text)
			for _, f := range found {
				if f == want {
					return
				}
			}
			t.Errorf("found %v, want %s", found, want)
		})
	}
}

// idleFindings returns what check and audit find, as ID:LINE.
func idleFindings(t *testing.T, file string, text []byte) (found []string) {
	t.Helper()
	p, ds := policy.Parse(file, text, policy.Options{Catalog: seccomp.X8664.Catalog(), Dir: "/srv/app",
		Include: func(string) (policy.Included, error) { return policy.Included{Text: []byte("version: 1\n")}, nil }})
	for _, d := range ds {
		found = append(found, fmt.Sprintf("%s:%d", d.Code, d.Pos.Line))
	}
	if p == nil {
		return found
	}
	report, err := audit.Policy(p, audit.Options{Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		found = append(found, fmt.Sprintf("%s:%d", f.Rule, f.Pos.Line))
	}
	return found
}
