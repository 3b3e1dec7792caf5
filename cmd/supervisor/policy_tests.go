package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

func (a *app) policySimulateCommand() *cobra.Command {
	var file, module string
	cmd := &cobra.Command{
		Use:   "simulate --policy FILE TRACE…",
		Short: "Say what a policy would have answered to the calls of a trace",
		Long: "Read the output of strace and say which of its calls the policy's filter would not have let through: the first one in its place, how often each, and\n" +
			"what would have to be allowed. What a trace does not tell of a call may have any value, so a call counts as allowed only where it is for certain.\n" +
			"- is the standard input. Status 1: not everything is allowed.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return invoke.Exit(invoke.StatusInvalid, errors.New("policy simulate needs --policy FILE"))
			}
			return a.work(cmd, work{command: "simulate", policies: []string{file}, files: args, options: map[string]string{"module": module}})
		},
	}
	cmd.Flags().StringVar(&file, "policy", "", "the policy `FILE`")
	cmd.Flags().StringVar(&module, "module", "", "the module, where the policy has several")
	return cmd
}

func (a *app) policyTestCommand() *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use:   "test [--live] FILE…",
		Short: "Run the tests that policies have",
		Long: "Run the tests: block of policies: single calls, whole traces, and comparisons with other policies. With --live, the single calls are also made, each\n" +
			"in a process that is confined as the module would be and runs nothing else, and the kernel has to answer as the test expects. Paths are passed\n" +
			"to calls that only look at them; other pointers are NULL; calls that could reach the host are not made. Status 1: a test does not hold, or a\n" +
			"call could not be made.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if live {
				return a.testLive(cmd, args)
			}
			return a.work(cmd, work{command: "test", policies: args})
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "make the calls, too")
	return cmd
}
