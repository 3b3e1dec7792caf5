package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/machine"
)

func (a *app) stopCommand() *cobra.Command {
	return a.lifecycleCommand(machine.Stop, true, "stop MODULE… | --all", "Stop modules, and hold them stopped until `start`",
		"Stop modules and hold them stopped: neither their restart policy nor a reload starts them again; `supervisor start` does. Each gets its\n"+
			"stop signal and its grace period. The supervisor itself goes on; SIGTERM stops it.")
}

func (a *app) startCommand() *cobra.Command {
	return a.lifecycleCommand(machine.Start, false, "start MODULE…", "Start modules that were stopped, are held, or have ended",
		"Start modules that were stopped, that are held because they were started too often, or that have ended, and wait until they are ready.")
}

func (a *app) restartCommand() *cobra.Command {
	return a.lifecycleCommand(machine.Restart, true, "restart MODULE… | --all", "Replace the instances of modules by new ones",
		"Replace the instances of modules by new ones, in the order that update_config names, and wait until they are ready.")
}

// lifecycleCommand is a command about modules. With all it has a flag that stands for all of them.
func (a *app) lifecycleCommand(verb machine.Verb, all bool, use, short, long string) *cobra.Command {
	var o controlOptions
	var everything bool
	cmd := &cobra.Command{
		Use: use, Short: short,
		Long: long + "\n\nExit status: 0 done, 1 it went wrong, 2 there is no such module, 125 the supervisor could not be asked.",
		RunE: func(cmd *cobra.Command, modules []string) error {
			switch {
			case everything && len(modules) > 0:
				return invoke.Exit(invoke.StatusInvalid, errors.New("name modules, or say --all, not both"))
			case !everything && len(modules) == 0 && all:
				return invoke.Exit(invoke.StatusInvalid, errors.New("name the modules, or say --all; `supervisor status` lists them"))
			case !everything && len(modules) == 0:
				return invoke.Exit(invoke.StatusInvalid, errors.New("name the modules; `supervisor status` lists them"))
			}
			return a.command(cmd, o, order{verb: verb, modules: modules})
		},
	}
	a.controlFlags(cmd, &o)
	if all {
		cmd.Flags().BoolVar(&everything, "all", false, "all modules")
	}
	return cmd
}
