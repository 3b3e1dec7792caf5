package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of the program and of its tables", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), versionText())
			return err
		},
	}
}

// versionText is what `version` and `--version` print.
func versionText() string {
	return fmt.Sprintf("supervisor %s, %s, %s/%s\nsystem calls and groups: %s\n", invoke.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, seccomp.Origin())
}
