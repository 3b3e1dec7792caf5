package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

func (a *app) doctorCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host can enforce, what it lacks, and what would enable it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			facts, err := host.ProbeAll(a.Core)
			if err != nil {
				return invoke.Exit(invoke.StatusSupervisor, err)
			}
			if output == "json" {
				return host.WriteJSON(cmd.OutOrStdout(), host.Report(facts))
			}
			width := 100
			var size posix.Winsize
			if a.Core.Tcgetwinsize(1, &size) == nil && size.Cols > 0 {
				width = int(size.Cols)
			}
			return host.WriteText(cmd.OutOrStdout(), host.Report(facts), width)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output `FORMAT`: table or json")
	return cmd
}

func checkOutput(output string) error {
	if output != "table" && output != "json" {
		return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("output format %q: use table or json", output))
	}
	return nil
}
