package compile

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bulkhead/bulkhead/tests/leak"
)

// supervisor is the static binary that has the role of the compile process. This test binary cannot have it: the dynamic loader
// would not find the C library in there.
var supervisor string

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		status = 1
	}
	os.Exit(status)
}

// run fails when the tests leave a descriptor or a process behind.
func run(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "bulkhead-compile-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if supervisor = os.Getenv("BULKHEAD_BIN"); supervisor == "" {
		supervisor = filepath.Join(dir, "supervisor")
		cmd := exec.Command("go", "build", "-tags", "netgo osusergo", "-ldflags", `-s -w -linkmode external -extldflags "-static"`, "-o", supervisor, "../../cmd/supervisor")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		if text, err := cmd.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build the supervisor: %w\n%s", err, text)
		}
	}
	if supervisor, err = filepath.EvalSymlinks(supervisor); err != nil {
		return 1, err
	}
	if supervisor, err = filepath.Abs(supervisor); err != nil {
		return 1, err
	}
	return leak.Main(m), nil
}
