package main

import (
	"github.com/spf13/cobra"
)

func (a *app) policyImportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Make policies of what other programs are restricted with"}
	var module, output string
	oci := &cobra.Command{
		Use:   "oci FILE",
		Short: "Make a policy of a container's seccomp profile",
		Long: "Print a policy that answers system calls as a container's seccomp profile does: linux.seccomp of the OCI's runtime specification, or Docker's\n" +
			"form of it. What the policy does not have is told on the standard error, with its place. - is the standard input.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.work(cmd, work{command: "import oci", files: args, output: output, options: map[string]string{"module": module}})
		},
	}
	oci.Flags().StringVar(&module, "module", "", "the name of the module, instead of container")
	oci.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of the standard output")
	cmd.AddCommand(oci)
	return cmd
}

func (a *app) policyExportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Make what other programs are restricted with of policies"}
	var module, output string
	oci := &cobra.Command{
		Use:   "oci FILE",
		Short: "Make a container's seccomp profile of a module",
		Long: "Print linux.seccomp of the OCI's runtime specification that answers system calls as a module's policy does; it was read back and proved to. What\n" +
			"cannot be said there is an error with its place.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.work(cmd, work{command: "export oci", policies: args, output: output, options: map[string]string{"module": module}})
		},
	}
	oci.Flags().StringVar(&module, "module", "", "the module, where the policy has several")
	oci.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of the standard output")
	cmd.AddCommand(oci, a.policyExportSystemdCommand())
	return cmd
}

func (a *app) policySchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of policies, for editors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd, work{command: "schema"})
		},
	}
}
