package invoke

import (
	"strings"

	"github.com/bulkhead/bulkhead/policies"
)

// Embedded returns the text of a policy that ships in the program, for a name such as embedded:demo; ok tells whether it is one.
func Embedded(name string) (text []byte, ok bool, err error) {
	if name, ok = strings.CutPrefix(name, "embedded:"); ok {
		text, err = policies.Open(name)
	}
	return text, ok, err
}
