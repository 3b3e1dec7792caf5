package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

func (a *app) policyFmtCommand() *cobra.Command {
	var write, list bool
	cmd := &cobra.Command{
		Use:   "fmt [-w | -l] FILE…",
		Short: "Lay policies out in one way, comments and all",
		Long: "Print policies in the one layout. -w changes the files instead and names those that it changed; -l only names those that it would change, and\n" +
			"the exit status is 1 when there is one. - is the standard input.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options := map[string]string{}
			switch {
			case write && list:
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy fmt takes -w or -l, not both"))
			case write:
				options["write"] = "yes"
			case list:
				options["list"] = "yes"
			}
			w := work{command: "fmt", options: options, rewrites: write}
			if len(args) == 1 && args[0] == "-" {
				if write {
					return invoke.Exit(invoke.StatusInvalid, errors.New("policy fmt cannot change the standard input"))
				}
				w.files = args
			} else {
				w.policies = args
			}
			return a.work(cmd, w)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "change the files")
	cmd.Flags().BoolVarP(&list, "list", "l", false, "name the files that would change")
	return cmd
}

func (a *app) policyShowCommand() *cobra.Command {
	var effective bool
	var module string
	cmd := &cobra.Command{
		Use:   "show --effective FILE",
		Short: "Print what modules really have: profiles merged, groups taken apart, each line with its origin",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !effective {
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy show needs --effective; the policy as it is written is the file itself"))
			}
			return a.work(cmd, work{command: "show", policies: args, options: map[string]string{"module": module}})
		},
	}
	cmd.Flags().BoolVar(&effective, "effective", false, "print what is in effect")
	cmd.Flags().StringVar(&module, "module", "", "only this module")
	return cmd
}
