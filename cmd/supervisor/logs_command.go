package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
	"github.com/bulkhead/bulkhead/core/logs"
)

func (a *app) logsCommand() *cobra.Command {
	var o controlOptions
	var following bool
	last := 100
	cmd := &cobra.Command{
		Use:   "logs [MODULE…]",
		Short: "Print the last lines that modules wrote",
		Long: "Print the last lines that modules wrote and a running supervisor remembers: those of their standard error on standard error. With -f go on\n" +
			"with what they write, until it ends; a manager that is started again in between is waited for.",
		RunE: func(cmd *cobra.Command, modules []string) error {
			client, err := a.connect(o)
			if err != nil {
				return err
			}
			const most = 10_000
			if last < 0 || last > most {
				return invoke.Exit(invoke.StatusInvalid, fmt.Errorf("%d lines: use a number from 0 to %d", last, most))
			}
			v := &logView{out: a.screen(cmd.OutOrStdout()), errs: a.screen(cmd.ErrOrStderr()), json: o.output == "json"}
			if !v.json {
				v.measure(cmd.Context(), client, modules)
			}
			if following {
				return ended(cmd.ErrOrStderr(), follow(cmd.Context(), func(ctx context.Context, resumed bool) (*control.Reader[api.LogLine], error) {
					if n := last; !resumed {
						return client.Logs(ctx, modules, n, true)
					}
					v.resume()
					return client.Logs(ctx, modules, most, true)
				}, v.show))
			}
			r, err := client.Logs(cmd.Context(), modules, last, false)
			if err != nil {
				return clientError(err)
			}
			return readOnce(r, v.show)
		},
	}
	a.controlFlags(cmd, &o)
	cmd.Flags().BoolVarP(&following, "follow", "f", false, "go on with what they write")
	cmd.Flags().IntVarP(&last, "lines", "n", last, "`NUMBER` of lines that were written before")
	return cmd
}

// logView is how lines are shown: as the supervisor itself prints them.
type logView struct {
	out, errs screen
	json      bool
	width     int // of the longest name so far

	last time.Time // of the last line that was shown
	same int       // lines that were shown and have its time
	skip int       // of these, how many a stream that was opened again is going to repeat
}

// measure finds the longest name, so that the first lines are aligned with the last. Without an answer they are aligned as they come.
func (v *logView) measure(ctx context.Context, client *control.Client, modules []string) {
	s, err := statusView{modules: modules}.ask(ctx, client)
	if err != nil {
		return // the lines are asked for next, and that error counts
	}
	for _, m := range s.Modules {
		v.width = max(v.width, len(logs.Name(m.Name, m.Replicas-1)))
	}
}

// resume prepares for lines that were shown before.
func (v *logView) resume() { v.skip = v.same }

// repeated tells whether a line was shown before the stream was opened again.
func (v *logView) repeated(l api.LogLine) bool {
	switch {
	case v.last.IsZero() || l.Time.After(v.last):
		v.last, v.same, v.skip = l.Time, 1, 0
		return false
	case v.skip > 0 && l.Time.Before(v.last):
		return true
	case v.skip > 0 && l.Time.Equal(v.last):
		v.skip--
		return true
	case l.Time.Equal(v.last):
		v.same++
	}
	return false
}

func (v *logView) show(l api.LogLine) error {
	if v.repeated(l) {
		return nil
	}
	if v.json {
		return writeJSON(v.out, l, "")
	}
	out := v.out
	if l.Stream == "stderr" {
		out = v.errs
	}
	line := l.Line
	if out.terminal {
		line = harmless(line)
	}
	name := logs.Name(l.Module, l.Replica)
	v.width = max(v.width, len(name))
	_, err := io.WriteString(out, fmt.Sprintf("%-*s | %s\n", v.width, name, line))
	return err
}
