package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix/metrics"
)

// app is one invocation of the program, with every command.
type app struct {
	*invoke.Invocation
	counts *metrics.Core // what the core counts
}

// rootCommand is `supervisor --policy FILE` with the other commands below it.
func (a *app) rootCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:           "supervisor --policy FILE",
		Short:         "Run programs under the restrictions that a policy states",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.version {
				_, err := io.WriteString(cmd.OutOrStdout(), versionText())
				return err
			}
			if len(o.policies) == 0 {
				return cmd.Help()
			}
			return a.supervise(cmd, o)
		},
	}
	o.register(cmd, a.controlPath())
	cmd.AddCommand(a.execCommand(), a.policyCommand(), a.doctorCommand(), a.versionCommand())
	cmd.AddCommand(a.controlCommands()...)
	cmd.AddCommand(laterCommands()...)
	return cmd
}
