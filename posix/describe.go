package posix

import (
	"fmt"
	"slices"
	"strings"
)

// Describe returns the names of a stack of implementations from the outermost
// to the innermost: "errs > log > metrics > linux". A layer gives its name
// with a method Name() string and the next one with Unwrap() Core; one without
// a name appears as its Go type.
func Describe(core Core) string {
	if core == nil {
		return "nothing"
	}
	return strings.Join(layers(core), " > ")
}

// layers returns the names of a stack from the outermost to the innermost.
func layers(core Core) []string {
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
	return names
}

// order are the layers from the outermost to the innermost, each with the reason for being where it is, in terms of those further in. Those that make
// the calls are last, and take each other's place.
var order = []struct{ name, why string }{
	{"errs", "the layers below it go by bare errnos"},
	{"log", "it shows what the program asked for, denials included, once"},
	{"metrics", "it counts what the program asked for, denials included, once"},
	{"restrict", "it decides before anything is done or repeated"},
	{"retry", "it repeats what a fault or the kernel interrupted"},
	{"fault", "it stands for the kernel, and a recording is of what the kernel did"},
	{"record", "it writes down what the kernel did"},
	{"linux", ""}, {"kernel", ""}, {"replay", ""},
}

// CheckOrder returns an error when the layers of a stack are not in the order
//
//	errs > log > metrics > restrict > retry > fault > record > linux | kernel | replay
//
// or when one is there twice. Any of them may be missing, and layers of other names may be anywhere. The error names the two layers, and says
// which must be outside of which and why. [Use] asks it.
func CheckOrder(core Core) error {
	names := layers(core)
	for i, inner := range names {
		at := rank(inner)
		if at < 0 {
			continue
		}
		for _, outer := range names[:i] {
			switch above := rank(outer); {
			case above == at:
				return fmt.Errorf("the layer %s is twice in the stack %s", inner, Describe(core))
			case above > at:
				return fmt.Errorf("the layer %s must be outside of %s, since %s; the stack is %s", inner, outer, order[at].why, Describe(core))
			}
		}
	}
	return nil
}

// rank returns where a layer is in the order, -1 for one that it does not know.
func rank(name string) int {
	return slices.IndexFunc(order, func(l struct{ name, why string }) bool { return l.name == name })
}
