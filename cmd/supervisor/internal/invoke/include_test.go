package invoke

import "testing"

func TestMayInclude(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "version: 1\n# what it may include\n": false, "include": false, "include: [a]": true, "{version: 1, \"include\" : a}": true,
		"# include\ninclude:\n  - a\n": true, "? include\n: a\n": true, "included: no": false,
	} {
		if got := mayInclude([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
