package sandbox

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// TestHostCodesAreListed compares the codes in the source of the packages that make them with the list of their meanings.
func TestHostCodesAreListed(t *testing.T) {
	code := regexp.MustCompile(`"([EW]6\d\d)"`)
	used := map[string]bool{}
	for _, dir := range []string{".", "../spawner", "../spawner/compile"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files in %s: %v", len(files), dir, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				for _, m := range code.FindAllStringSubmatch(string(text), -1) {
					used[m[1]] = true
				}
			}
		}
	}
	var listed []string
	for _, c := range policy.HostCodes() {
		listed = append(listed, c.Code)
	}
	slices.Sort(listed)
	if got := slices.Sorted(maps.Keys(used)); !slices.Equal(got, listed) {
		t.Errorf("used   %v\nlisted %v", got, listed)
	}
}
