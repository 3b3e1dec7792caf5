package policy

import (
	"os"
	"regexp"
	"testing"
)

// TestMap: the package comment says what each package below is for, and so does ARCHITECTURE.md.
func TestMap(t *testing.T) {
	for _, name := range []string{"doc.go", "../../ARCHITECTURE.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			named := regexp.MustCompile(`(?m)(^//   - (.* and )?|[,;] |core/policy/|` + "`)" + e.Name() + "[ `,]")
			if e.IsDir() && e.Name() != "testdata" && !named.Match(text) {
				t.Errorf("%s does not say what %s is", name, e.Name())
			}
		}
	}
}
