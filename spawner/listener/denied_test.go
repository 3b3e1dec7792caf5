package listener

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// What the process's own list of operations denies is not put down to the kernel, and no advice about the kernel's reasons is given.
func TestDenied(t *testing.T) {
	leak.Check(t)
	rules := restrict.Rules{Socket: restrict.Allow, SetsockoptInt: restrict.Allow, Close: restrict.Allow}
	_, err := Open(restrict.New(linux.New(), rules), tcp("127.0.0.1:0"))
	if !errors.Is(err, restrict.ErrDenied) || !errors.Is(err, posix.Errno(unix.EPERM)) {
		t.Fatalf("%v, want that it is denied", err)
	}
	if got := err.Error(); !strings.HasSuffix(got, "operation not permitted: this process's own list of operations does not have bind") {
		t.Error(got)
	}
	err = owner{uid: 7, gid: nobody.gid}.advise(restrict.New(posix.Unimplemented{}, restrict.Rules{}).Fchownat(posix.Chown{Path: "s", UID: 7}))
	if got := err.Error(); !errors.Is(err, restrict.ErrDenied) || strings.Contains(got, "without root") {
		t.Error(got)
	}
}
