package main

import "github.com/spf13/cobra"

func (a *app) policyDisasmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "disasm FILE…",
		Short: "Print seccomp filters as instructions",
		Long:  "Print seccomp filters, which are struct sock_filter after struct sock_filter as the kernel takes them, as instructions. - is the standard input.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.work(cmd, work{command: "disasm", files: args})
		},
	}
}
