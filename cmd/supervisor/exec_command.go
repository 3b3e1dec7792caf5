package main

import (
	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

// execCommand is `supervisor exec`. Package execute runs it in most cases, and leaves what is wrong with a command line to this one.
func (a *app) execCommand() *cobra.Command {
	var o invoke.ExecOptions
	cmd := &cobra.Command{
		Use:   "exec --policy FILE [--module NAME] [-- COMMAND ARG…]",
		Short: "Run one command under a policy",
		Long: "Run one command under a policy, in the foreground. Standard streams, signals and the exit status pass through; a terminal is\n" +
			"proxied. Without COMMAND the module's own is run. Everything that the command started ends with it, and it ends with the\n" +
			"supervisor.\n\n" +
			"--bind, --ro-bind, --tmpfs, --env and --working-dir say something about the module over what the policy says: a path takes the\n" +
			"place of the entry of filesystem with that path, a variable that of its name. They are checked as the policy is.\n\n" +
			"Exit status: the command's; 128+N when signal N ended it; 124 after --timeout; 125 when the supervisor failed, 126 and 127 when the\n" +
			"command cannot be executed or found; 2 when the command line or the policy is invalid.",
		Example: "  supervisor exec --policy locked.yaml -- /bin/ls /\n" +
			"  supervisor exec --policy locked.yaml --bind ./out:/out --working-dir /out --timeout 1m -- /usr/bin/make -C /src\n" +
			"  supervisor exec --policy locked.yaml --fd 7 --json-status 9 -- /usr/bin/program 7<data 9>status.json",
		RunE: func(_ *cobra.Command, args []string) error { return a.Exec(o, args) },
	}
	o.Register(cmd.Flags())
	return cmd
}
