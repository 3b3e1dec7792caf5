// Command supervisor-exec is the program of `supervisor exec`, which `make build` links into the file of the supervisor: see package execute.
//
//posixvet:leak os.Stderr: the streams that a main chooses
package main

import (
	"fmt"
	"os"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/execute"
	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

func main() {
	if execute.Role(os.Args) == execute.Name {
		if status, understood := execute.Run(os.Args); understood {
			os.Exit(status)
		}
	}
	fmt.Fprintln(os.Stderr, "supervisor:", execute.Whole(os.Args))
	os.Exit(invoke.StatusSupervisor)
}
