package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
)

func (a *app) statusCommand() *cobra.Command {
	var o controlOptions
	var watch, enforcement bool
	cmd := &cobra.Command{
		Use:   "status [MODULE…]",
		Short: "Show what a running supervisor knows: modules, instances, listeners",
		Long: "Show what a running supervisor knows: its modules with their instances, its listeners, how the last reload ended. With names of\n" +
			"modules only these and the listeners that they inherit.",
		RunE: func(cmd *cobra.Command, modules []string) error {
			client, err := a.connect(o)
			if err != nil {
				return err
			}
			v := statusView{modules: modules, json: o.output == "json", enforcement: enforcement, now: time.Now}
			out := a.screen(cmd.OutOrStdout())
			if watch {
				return ended(cmd.ErrOrStderr(), v.watch(cmd.Context(), client, func() screen { return a.screen(cmd.OutOrStdout()) }))
			}
			s, err := v.ask(cmd.Context(), client)
			if err != nil {
				return err
			}
			return v.write(out, s)
		},
	}
	a.controlFlags(cmd, &o)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on showing it, every second")
	cmd.Flags().BoolVar(&enforcement, "enforcement", false, "show how each protection is in force (it is always in the JSON)")
	return cmd
}

// statusView is how a status is shown.
type statusView struct {
	modules     []string // empty is all
	json        bool
	enforcement bool
	now         func() time.Time
}

// ask returns the status, of the wanted modules only.
func (v statusView) ask(ctx context.Context, client *control.Client) (api.Status, error) {
	s, err := client.Status(ctx)
	if err != nil {
		return s, clientError(err)
	}
	if len(v.modules) == 0 {
		return s, nil
	}
	var have []string
	for _, m := range s.Modules {
		have = append(have, m.Name)
	}
	for _, name := range v.modules {
		if !slices.Contains(have, name) {
			return s, invoke.Exit(invoke.StatusInvalid, errors.New(api.NoModule(name, have)))
		}
	}
	s.Modules = slices.DeleteFunc(s.Modules, func(m api.Module) bool { return !slices.Contains(v.modules, m.Name) })
	s.Listeners = slices.DeleteFunc(s.Listeners, func(l api.Listener) bool {
		return !slices.ContainsFunc(l.Modules, func(name string) bool { return slices.Contains(v.modules, name) })
	})
	return s, nil
}

func (v statusView) write(out screen, s api.Status) error {
	if v.json {
		return writeJSON(out, s, "  ")
	}
	if err := v.table(out, s); err != nil {
		return invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("write the status: %w", err))
	}
	return nil
}

// watch shows the status again and again: on a terminal in place, otherwise whenever it has changed.
func (v statusView) watch(ctx context.Context, client *control.Client, out func() screen) error {
	const every = time.Second
	var last []byte
	for first := true; ; first = false {
		s, err := v.ask(ctx, client)
		switch {
		case ctx.Err() != nil:
			return nil
		case !first && errors.Is(err, control.ErrNobody):
			return errEnded
		case err != nil && (first || !errors.Is(err, control.ErrBroken)):
			return err
		case err == nil:
			if last, err = v.again(out(), s, last); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// again shows a status after another one, and returns what it compares the next one with.
func (v statusView) again(out screen, s api.Status, last []byte) ([]byte, error) {
	if out.terminal && !v.json {
		return nil, v.redraw(out, s)
	}
	var text bytes.Buffer
	if err := writeJSON(&text, s, ""); err != nil {
		return last, err
	}
	if bytes.Equal(text.Bytes(), last) {
		return last, nil
	}
	if v.json {
		_, err := out.Write(text.Bytes())
		return text.Bytes(), err
	}
	if last != nil {
		if _, err := fmt.Fprintln(out); err != nil {
			return last, err
		}
	}
	return text.Bytes(), v.write(out, s)
}

// redraw shows a status on a whole terminal, as much as fits.
func (v statusView) redraw(out screen, s api.Status) error {
	var text bytes.Buffer
	inner := out
	inner.Writer = &text
	if err := v.write(inner, s); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if most := out.height - 1; out.height > 1 && len(lines) > most {
		left := len(lines) - most + 1
		lines = append(lines[:most-1], fmt.Sprintf("… and %d more lines", left))
	}
	// Home, each line with what was behind it before erased, and what was below.
	_, err := io.WriteString(out, "\x1b[H"+strings.Join(lines, "\x1b[K\n")+"\x1b[K\n\x1b[J")
	return err
}
