// Command supervisor-exec is the program of `supervisor exec`, which `make build` links into the file of the supervisor: see package execute.
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/execute"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

// The slack of timers is a thread's, and it is the first one's that was changed. Only what is locked before main begins stays on it. Source: the
// documentation of runtime.LockOSThread.
func init() { runtime.LockOSThread() }

func main() {
	if execute.Role(os.Args) == execute.Name {
		if status, understood := execute.Run(os.Args); understood {
			os.Exit(status)
		}
	}
	fmt.Fprintln(os.Stderr, "supervisor:", execute.Whole(os.Args))
	os.Exit(invoke.StatusSupervisor)
}
