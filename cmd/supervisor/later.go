package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// laterCommands are the commands of the control API. They belong to the manager, which this version does not have.
func laterCommands() []*cobra.Command {
	var out []*cobra.Command
	for _, name := range []string{"status", "reload", "stop", "restart", "scale", "logs", "events", "top", "upgrade"} {
		out = append(out, &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error { return later("the command " + name) },
		})
	}
	return out
}

// later is the answer to something that the manager is going to do.
func later(what string) error {
	return &exitError{statusInvalid, fmt.Errorf("%s belongs to the manager, which is not in this version of supervisor", what)}
}
