package suite

import (
	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// testArch is the architecture of the tests.
var testArch = call.On(seccomp.X8664)
