package filter

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Filter is a filter that the kernel takes.
type Filter struct {
	Name     string
	Program  bpf.Program
	Decision *seccomp.Decision
}

// Is tells whether a file is a filter: by its name, or because it has what no text has.
func Is(name string, text []byte) bool {
	return strings.HasSuffix(name, ".bpf") || bytes.IndexByte(text, 0) >= 0 && len(text)%bpf.InstructionSize == 0
}

// Read reads a filter. The error names the instruction that the kernel would refuse, or that computes too much of a call to be decided.
func Read(name string, text []byte) (*Filter, error) {
	program, err := bpf.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d, err := seccomp.FromProgram(program)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Filter{name, program, d}, nil
}
