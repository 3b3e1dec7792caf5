package reach

import (
	"fmt"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// lower resolves the condition of a rule for an architecture; nil is always.
func lower(rule *policy.Call, arch seccomp.Arch) (*policy.Condition, error) {
	if rule.When == nil {
		return nil, nil
	}
	return nil, fmt.Errorf("%s: a condition of %s on %s cannot be resolved", rule.Pos, rule.Name, arch)
}
