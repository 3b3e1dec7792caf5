//go:build ignore

package main

import (
	"fmt"
	"os"

	"github.com/bulkhead/bulkhead/core/policy/reference"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// main writes docs/policy-reference.md.
func main() {
	if err := os.WriteFile("../../../docs/policy-reference.md", reference.Markdown(seccomp.X8664.Catalog(), seccomp.Origin()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
