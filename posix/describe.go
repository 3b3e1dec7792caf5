package posix

import (
	"fmt"
	"strings"
)

// Describe returns the names of a stack of implementations from the outermost
// to the innermost: "errs > log > metrics > linux". A layer gives its name
// with a method Name() string and the next one with Unwrap() Core; one without
// a name appears as its Go type.
func Describe(core Core) string {
	var names []string
	for core != nil {
		if n, ok := core.(interface{ Name() string }); ok {
			names = append(names, n.Name())
		} else {
			names = append(names, fmt.Sprintf("%T", core))
		}
		w, ok := core.(interface{ Unwrap() Core })
		if !ok {
			break
		}
		core = w.Unwrap()
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, " > ")
}
