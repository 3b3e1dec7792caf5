package main

import (
	"strings"
	"testing"
)

func TestCounts(t *testing.T) {
	const start = `{"Action":"start","Package":"p"}` + "\n"
	test := func(action, name string) string {
		return `{"Action":"` + action + `","Package":"p","Test":"` + name + `"}` + "\n"
	}
	for _, c := range []struct {
		name, stream string
		want         counts
		failures     string
	}{
		{"nothing", "", counts{}, ""},
		{"no tests", start + `{"Action":"skip","Package":"p"}`, counts{}, ""},
		{"one of each", start + test("run", "A") + test("pass", "A") + test("run", "B") + test("skip", "B") + test("run", "C") +
			test("fail", "C") + `{"Action":"fail","Package":"p"}`, counts{1, 1, 1}, "p C"},
		{"a parent is not counted", start + test("run", "A") + test("run", "A/x") + test("run", "A/y") + test("pass", "A/x") + test("pass", "A/y") +
			test("pass", "A") + `{"Action":"pass","Package":"p"}`, counts{2, 0, 0}, ""},
		{"a parent of a failed one is not blamed", start + test("run", "A") + test("run", "A/x") + test("run", "A/y") + test("fail", "A/x") +
			test("pass", "A/y") + test("fail", "A") + `{"Action":"fail","Package":"p"}`, counts{1, 1, 0}, "p A/x"},
		{"a parent that fails by itself", start + test("run", "A") + test("run", "A/x") + test("pass", "A/x") + test("fail", "A") +
			`{"Action":"fail","Package":"p"}`, counts{1, 1, 0}, "p A"},
		{"a name that begins like another", start + test("run", "A") + test("run", "AB") + test("pass", "A") + test("pass", "AB") +
			`{"Action":"pass","Package":"p"}`, counts{2, 0, 0}, ""},
		{"a test that never ended", start + test("run", "A") + test("run", "B") + test("pass", "A"), counts{1, 1, 0}, "p B"},
		{"a package that never ended", start + test("run", "A") + test("pass", "A"), counts{1, 1, 0}, "p"},
		{"a package that does not build", `{"ImportPath":"p","Action":"build-fail"}` + "\n" + start +
			`{"Action":"fail","Package":"p","FailedBuild":"p"}`, counts{0, 1, 0}, "p"},
		{"a failed TestMain after good tests", start + test("run", "A") + test("pass", "A") + `{"Action":"fail","Package":"p"}`, counts{1, 1, 0}, "p"},
		{"junk between events", "go: downloading\n{}\n{\"Action\":\n" + start + test("run", "A") + "\n\x00\n" + test("pass", "A") +
			`{"Action":"pass","Package":"p"}`, counts{1, 0, 0}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := read(strings.NewReader(c.stream), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.counts(); got != c.want {
				t.Errorf("counts: %v, want %v", got, c.want)
			}
			var names []string
			for _, id := range l.failures() {
				names = append(names, id.String())
			}
			if got := strings.Join(names, "; "); got != c.failures {
				t.Errorf("failures: %q, want %q", got, c.failures)
			}
		})
	}
}
