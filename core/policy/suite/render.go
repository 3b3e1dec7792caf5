package suite

import (
	"fmt"
	"io"
	"strings"
)

// maxShown is how many calls are shown of a policy that allows more than another.
const maxShown = 10

// Render prints a line for each test, `ok name` or `FAIL name: file:line: got … want …`, with what more there is to say below it.
func Render(w io.Writer, results []Result) error {
	var b strings.Builder
	failed := 0
	for _, r := range results {
		if r.OK {
			fmt.Fprintf(&b, "ok   %s\n", printable(r.Test.Name))
			continue
		}
		failed++
		fmt.Fprintf(&b, "FAIL %s: %s: ", printable(r.Test.Name), printable(r.Pos.String()))
		if r.Err != nil {
			fmt.Fprintf(&b, "%s\n", printable(r.Err.Error()))
			continue
		}
		fmt.Fprintf(&b, "got %s, want %s\n", printable(r.Got), printable(r.Want))
		if r.Why != "" {
			fmt.Fprintf(&b, "     by %s\n", printable(r.Why))
		}
		for i, call := range r.Wider {
			if i == maxShown {
				fmt.Fprintf(&b, "     and %d more\n", len(r.Wider)-i)
				break
			}
			fmt.Fprintf(&b, "     %s\n", printable(call))
		}
	}
	fmt.Fprintf(&b, "%d tests, %d failed\n", len(results), failed)
	_, err := io.WriteString(w, b.String())
	return err
}

// Failed tells whether a test does not hold.
func Failed(results []Result) bool {
	for _, r := range results {
		if !r.OK {
			return true
		}
	}
	return false
}

// printable replaces what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
