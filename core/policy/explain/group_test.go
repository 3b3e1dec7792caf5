package explain

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func TestGroup(t *testing.T) {
	catalog := seccomp.X8664.Catalog()
	g, err := NewGroup("@signal", catalog, seccomp.Origin())
	if err != nil || slices.Contains(g.Calls, "kill") || !slices.Contains(g.Calls, "rt_sigaction") {
		t.Fatalf("%+v, %v", g, err)
	}
	var b strings.Builder
	if err := g.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"@signal: ", " calls (systemd 2", "rt_sigaction"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %s", want, &b)
		}
	}
	for name := range catalog.Groups {
		g, err := NewGroup(name, catalog, "")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := g.Text(&b); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if len(line) > 102 {
				t.Errorf("%s: %d columns: %s", name, len(line), line)
			}
		}
	}
	if _, err := NewGroup("@singal", catalog, ""); err == nil || !strings.Contains(err.Error(), `did you mean "@signal"?`) {
		t.Error(err)
	}
}
