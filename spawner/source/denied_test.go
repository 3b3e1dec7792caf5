package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
)

// What the process's own list of operations denies is not put down to the kernel.
func TestDenied(t *testing.T) {
	rules := restrict.Rules{Geteuid: restrict.Allow, Fstat: restrict.Allow, Close: restrict.Allow}
	_, err := Open(restrict.New(linux.New(), rules), "/etc/policy.yaml", Anyone)
	if !errors.Is(err, restrict.ErrDenied) || !strings.Contains(err.Error(), "own list of operations does not have openat2") {
		t.Errorf("%v, want that it is denied", err)
	}
}
