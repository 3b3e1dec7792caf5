package format

import (
	"math/rand"
	"slices"
	"testing"
)

// TestDamaged lays out policies that were changed at random places: what is still YAML keeps what it says and its comments, once and again.
func TestDamaged(t *testing.T) {
	texts := [][]byte{
		[]byte("a: [b, # c\n d] # e\n# f\ng:\n- h\n-   # i\n  j: k\n"),
		[]byte("a: |\n  x\n  y\nb: 'x\n  y'\n#c\nd: {a: 1, #x\n}\n"),
		[]byte("# top\n\nmodules: # m\n  a:\n    # b\n    command: [/x, '#', \"y\\\"\"] # c\n    # d\n  # e\nversion: 1\n"),
	}
	for _, text := range repository(t) {
		if len(text) < 3000 {
			texts = append(texts, text)
		}
	}
	slices.SortFunc(texts, slices.Compare)
	pieces := []string{"#", "# x\n", "\n", "\n\n", " ", "  ", "[", "]", "{", "}", ",", ": ", "- ",
		"\"", "'", "|", "|\n", " >-\n", "a", "0", "@", "!", "\\", " # y"}
	r := rand.New(rand.NewSource(1))
	laidOut := 0
	for range 400 {
		text := slices.Clone(texts[r.Intn(len(texts))])
		for range 1 + r.Intn(3) {
			at := r.Intn(len(text) + 1)
			if r.Intn(2) == 0 {
				text = slices.Insert(text, at, []byte(pieces[r.Intn(len(pieces))])...)
			} else {
				text = slices.Delete(text, at, min(len(text), at+r.Intn(5)))
			}
		}
		out, ds := Format("p.yaml", text)
		if out == nil {
			if ds[0].Code == codeLayout {
				t.Fatalf("%v\n%s", ds, text)
			}
			continue
		}
		laidOut++
		hold(t, "p.yaml", text)
	}
	if laidOut < 50 {
		t.Errorf("only %d of 400 were still YAML: the damage is too large to show anything", laidOut)
	}
}
