package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

func (a *app) policyAuditCommand() *cobra.Command {
	var format, failOn, show string
	cmd := &cobra.Command{
		Use:   "audit PATH…",
		Short: "Find weaknesses of policies, each with a system call that shows it",
		Long: "Find what a module may do that helps who has taken it over: by the filter's decision function, files, capabilities, namespaces, network and limits\n" +
			"together. Each finding has a system call that shows it and says what to write instead. What a policy takes on under accept: is listed with its\n" +
			"reason; there is no other way to silence a finding, and an acceptance that has expired is one. A directory is all *.yaml below it.\n\n" +
			"Severities: high is a known way out or into the kernel by itself, medium a step of known attacks, low helps little by itself, info is worth knowing.\n" +
			"The exit status is 1 with a finding of medium or high that nobody took on (--fail-on), 2 when a policy is invalid.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			return a.work(cmd, work{command: "audit", policies: args, options: map[string]string{"output": format, "fail-on": failOn, "show": show}})
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "output `FORMAT`: text or json, which has everything")
	cmd.Flags().StringVar(&failOn, "fail-on", "medium", "the `SEVERITY` from which on a finding makes the exit status 1: info, low, medium, high or none")
	cmd.Flags().StringVar(&show, "show", "low", "the `SEVERITY` from which on findings are printed as text")
	return cmd
}

func (a *app) policyDiffCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what a policy permits that another one does not, each with a system call that shows it",
		Long: "Compare two policies: the filters exactly, for every call and argument, and every other layer key by key. Modules go by their names. The exit\n" +
			"status is 1 when B permits anything that A does not, 0 otherwise, 2 when one is invalid.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			for _, path := range args {
				if files, err := a.below([]string{path}); err != nil || len(files) != 1 || files[0] != path {
					return invoke.Exit(invoke.StatusInvalid, errors.Join(err, fmt.Errorf("%s: policy diff compares two files, and this is a directory", path)))
				}
			}
			return a.work(cmd, work{command: "diff", policies: args, options: map[string]string{"output": format}})
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "output `FORMAT`: text or json")
	return cmd
}

func textOrJSON(format string) error {
	if format != "text" && format != "json" {
		return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("format %q: use text or json", format))
	}
	return nil
}
