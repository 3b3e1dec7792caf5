package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
)

func (a *app) eventsCommand() *cobra.Command {
	var o controlOptions
	var following bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print what has happened in a running supervisor",
		Long: "Print the events that a running supervisor remembers, the oldest first. With -f go on with those that happen, until it ends; a manager\n" +
			"that is started again in between is waited for.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(o)
			if err != nil {
				return err
			}
			v := &eventView{out: a.screen(cmd.OutOrStdout()), json: o.output == "json"}
			if following {
				return ended(cmd.ErrOrStderr(), follow(cmd.Context(), func(ctx context.Context, _ bool) (*control.Reader[api.Event], error) {
					return client.Events(ctx, v.last, true)
				}, v.show))
			}
			r, err := client.Events(cmd.Context(), "", false)
			if err != nil {
				return clientError(err)
			}
			return readOnce(r, v.show)
		},
	}
	a.controlFlags(cmd, &o)
	cmd.Flags().BoolVarP(&following, "follow", "f", false, "go on with what happens")
	return cmd
}

// eventView is how events are shown.
type eventView struct {
	out  screen
	json bool
	last string // ID of the last one
}

func (v *eventView) show(e api.Event) error {
	if e.ID != "" {
		v.last = e.ID
	}
	if v.json {
		return writeJSON(v.out, e, "")
	}
	colour := map[string]string{"warn": yellow, "error": red}[e.Level]
	place := eventPlace(e)
	if place == "" {
		place = "-"
	}
	line := fmt.Sprintf("%s  %s  %-16s  %-22s  %s\n", e.Time.Local().Format(time.DateTime), v.out.paint(colour, fmt.Sprintf("%-5s", e.Level)),
		clean(place), clean(e.Kind), clean(e.Text))
	_, err := io.WriteString(v.out, line)
	return err
}

// eventPlace is what an event is about: "web[1]", "listener http"; empty when it is about the supervisor.
func eventPlace(e api.Event) string {
	switch {
	case e.Module != "" && e.Replica != nil:
		return fmt.Sprintf("%s[%d]", e.Module, *e.Replica)
	case e.Module != "":
		return e.Module
	case e.Listener != "":
		return "listener " + e.Listener
	}
	return ""
}
