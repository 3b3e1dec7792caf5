package early

import (
	"fmt"
	"os"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/execute"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

// An init on purpose, see the package's documentation. A command line that is another's it leaves alone.
func init() {
	if status, ours := run(os.Args); ours {
		os.Exit(status)
	}
}

// run runs the command line when it is one of those that somebody waits for, and returns the exit status.
func run(argv []string) (status int, ours bool) {
	switch execute.Role(argv) {
	case compile.Role:
		// Bare errnos will do: nobody but the parent sees what goes wrong here.
		kernel := retry.New(linux.New())
		if err := compile.Serve(kernel, libseccomp.Chooser(kernel)); err != nil {
			fmt.Fprintln(os.Stderr, "supervisor: compile:", err)
			return invoke.StatusFailed, true
		}
		return invoke.StatusDone, true
	case execute.Name:
		return execute.Run(argv)
	}
	return 0, false
}
