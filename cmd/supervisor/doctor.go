package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner"
)

func (a *app) doctorCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host can enforce, what it lacks, and what would enable it",
		Long: `Say what this host can enforce, what it lacks, and what would enable it.

Every protection is tried out where that leaves nothing behind: a child makes a namespace of each kind and ends. What is said holds for the
user who asks and for where it is asked: run it as the user, in the container or in the unit that will run the supervisor.

The exit status is 0 when the table was printed, whatever it says, 2 when the command line is wrong, and 125 when the host could not be looked
at (no /proc, no descriptors). A script reads the table with -o json: an array of objects with name, available (yes, partly or no), detail
and enable.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if err := spawner.CheckLimits(a.Core); err != nil {
				return invoke.Exit(invoke.StatusSupervisor, err)
			}
			facts, err := host.ProbeAll(a.Core)
			if err != nil {
				return invoke.Exit(invoke.StatusSupervisor, err)
			}
			if h, ok := facts.Cgroup.For(host.IO); ok {
				if facts.Weighing, err = host.FindWeighing(a.Core, h.Mount); err != nil {
					return invoke.Exit(invoke.StatusSupervisor, err)
				}
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
