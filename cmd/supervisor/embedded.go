package main

import (
	"strings"

	"github.com/bulkhead/bulkhead/policies"
)

// embedded returns the text of a policy that ships in the program, for a name such as embedded:demo.
func embedded(name string) ([]byte, bool) {
	name, ok := strings.CutPrefix(name, "embedded:")
	if !ok {
		return nil, false
	}
	text, err := policies.Open(name)
	return text, err == nil
}
