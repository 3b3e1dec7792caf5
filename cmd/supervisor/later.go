package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
)

// laterCommands are those that this version names and does not have.
func laterCommands() []*cobra.Command {
	var out []*cobra.Command
	for _, name := range []string{"scale", "top", "upgrade"} {
		out = append(out, &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error { return later("the command " + name) },
		})
	}
	return out
}

// later is the answer to something that a later version is going to do.
func later(what string) error {
	return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("%s is not in this version of supervisor", what))
}
