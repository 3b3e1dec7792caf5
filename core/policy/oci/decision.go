package oci

import (
	"fmt"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Decision returns the profile's decision function, to be compared with others.
func (p *Profile) Decision() (*seccomp.Decision, error) {
	program, err := p.Program()
	if err != nil {
		return nil, fmt.Errorf("decide %s: %w", p.File, err)
	}
	d, err := seccomp.FromProgram(program)
	if err != nil {
		return nil, fmt.Errorf("decide %s: %w", p.File, err)
	}
	return d, nil
}
