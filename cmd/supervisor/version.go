package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// version is set by the build (-X main.version=…).
var version = "devel"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of the program and of its tables", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "supervisor %s, %s, %s/%s\nsystem calls and groups: %s\n",
				version, runtime.Version(), runtime.GOOS, runtime.GOARCH, seccomp.Origin())
			return err
		},
	}
}
