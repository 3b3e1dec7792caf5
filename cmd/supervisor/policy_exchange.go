package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) policyImportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Make policies of what other programs are restricted with", RunE: onlyOthers}
	cmd.AddCommand(a.importer("oci FILE", "Make a policy of a container's seccomp profile",
		"Print a policy that answers system calls as a container's seccomp profile does: linux.seccomp of the OCI's runtime specification, or Docker's\n"+
			"form of it. What the policy does not have is told on the standard error, with its place. - is the standard input.", cobra.ExactArgs(1)))
	cmd.AddCommand(a.importer("bpf FILE", "Make a policy of a seccomp filter",
		"Print a policy that answers system calls as a filter does, which is struct sock_filter after struct sock_filter as the kernel takes them. The "+
			"two are\n"+
			"compared for every architecture, number and argument; calls that a policy cannot answer as the filter does are told on the standard error, "+
			"and the\n"+
			"status is 1. - is the standard input.", cobra.ExactArgs(1)))
	cmd.AddCommand(a.importer("minijail FILE", "Make a policy of a .policy file of minijail",
		"Print a policy that answers system calls as a .policy file of minijail does. The two are compared for every architecture, number and argument;\n"+
			"what is not carried is told on the standard error, with its place, and the status is 1 when calls are answered in another way. @include is\n"+
			"looked for in the working directory. - is the standard input.", cobra.ExactArgs(1)))
	cmd.AddCommand(a.systemdImporter())
	return cmd
}

func (a *app) systemdImporter() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "systemd FILE.service [FILE.socket … FILE.service.d/FILE.conf …]",
		Short: "Make a policy of units of systemd",
		Long: "Print a policy with a module for each service and a listener for each address of its sockets. Drop-ins are read behind their unit, in " +
			"the order of\n" +
			"their names. Every directive that is not carried is told on the standard error, with its line.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.work(cmd, work{command: "import systemd", files: args, output: output})
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of the standard output")
	return cmd
}

// importer is a command that makes a policy of files.
func (a *app) importer(use, short, long string, args cobra.PositionalArgs) *cobra.Command {
	var module, output string
	format, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long,
		Args:  args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.work(cmd, work{command: "import " + format, files: args, output: output, options: map[string]string{"module": module}})
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "the name of the module")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of the standard output")
	return cmd
}

func (a *app) policyExportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Make what other programs are restricted with of policies", RunE: onlyOthers}
	var module, output string
	oci := &cobra.Command{
		Use:   "oci FILE",
		Short: "Make a container's seccomp profile of a module",
		Long: "Print linux.seccomp of the OCI's runtime specification that answers system calls as a module's policy does; it was read back and proved " +
			"to. What\n" +
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
