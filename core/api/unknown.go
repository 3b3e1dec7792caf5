package api

import (
	"fmt"
	"strings"
)

// NoModule says that a module is not there, and what [Meant] says.
func NoModule(name string, known []string) string {
	return fmt.Sprintf("there is no module %q; %s", name, Meant(name, known))
}

// Meant says which module was most likely meant by a name that none has, and which ones there are.
func Meant(name string, known []string) string {
	text := "there are: " + strings.Join(known, ", ")
	if meant := near(name, known); meant != "" {
		text = fmt.Sprintf("did you mean %q? %s", meant, text)
	}
	return text
}

// near returns the first name that a slip of the finger makes out of another one, or that begins with it; "" when there is none.
func near(name string, known []string) string {
	for _, k := range known {
		if oneAway(strings.ToLower(name), strings.ToLower(k)) {
			return k
		}
	}
	for _, k := range known {
		if len(name) > 1 && strings.HasPrefix(strings.ToLower(k), strings.ToLower(name)) {
			return k
		}
	}
	return ""
}

// oneAway tells whether two words differ by one letter that is missing, too many or another one, or by two neighbours that were exchanged. Words of
// one letter are near to nothing.
func oneAway(a, b string) bool {
	if min(len(a), len(b)) < 2 {
		return false
	}
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
