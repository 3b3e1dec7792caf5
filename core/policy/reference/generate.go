//go:build ignore

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulkhead/bulkhead/core/policy/reference"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// main writes docs/policy-reference.md and docs/audit-rules.md.
func main() {
	err := os.WriteFile("../../../docs/policy-reference.md", reference.Markdown(seccomp.X8664.Catalog(), seccomp.Origin()), 0o644)
	if err == nil {
		err = rules()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rules() error {
	planted, err := reference.ReadPlanted("../../../tests/testdata/weak", filepath.Glob, os.ReadFile)
	if err != nil {
		return err
	}
	text, err := reference.Rules(planted)
	if err != nil {
		return err
	}
	return os.WriteFile("../../../docs/audit-rules.md", text, 0o644)
}
