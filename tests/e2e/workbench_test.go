package e2e

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestWorkbench runs the scripts of testdata/workbench: `supervisor STATUS ARGUMENT…` is the program, which has to end with that status,
// and $ROOT is the repository.
func TestWorkbench(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join(place.root, "tests/e2e/testdata/workbench"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROOT", place.root)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"supervisor": supervisorCommand},
	})
}

func supervisorCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: supervisor STATUS ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(place.supervisor, args[1:]...)
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if status != want {
		ts.Fatalf("status %d, want %d", status, want)
	}
}
