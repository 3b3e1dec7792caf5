package main

import (
	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/core/machine"
)

func (a *app) reloadCommand() *cobra.Command {
	var o controlOptions
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running supervisor read its policies again and bring in what has changed",
		Long: "Have a running supervisor read its policies again and bring in what has changed, without losing a request. It waits until that is done. When\n" +
			"anything is wrong nothing is changed, or what was is undone, and everything that is wrong is printed.\n\n" +
			"Exit status: 0 done (with --dry-run: it could be), 1 undone, 2 refused because a policy is wrong, 125 the supervisor could not be asked.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.command(cmd, o, order{verb: machine.Reload, dryRun: dryRun})
		},
	}
	a.controlFlags(cmd, &o)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done and why, and do nothing")
	return cmd
}
