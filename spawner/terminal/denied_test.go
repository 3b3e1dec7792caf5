package terminal

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// What the process's own list of operations denies is not put down to the kernel.
func TestDenied(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	rules := restrict.Rules{Tcgetattr: restrict.Allow, Close: restrict.Allow}
	_, err := open(restrict.New(linux.New(), rules), [3]posix.FD{o.stdin, o.stdin, o.stdin})
	if !errors.Is(err, restrict.ErrDenied) || !strings.Contains(err.Error(), "own list of operations does not have posix_openpt") {
		t.Errorf("%v, want that it is denied", err)
	}
}
