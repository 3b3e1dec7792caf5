package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/core/plan"
)

// order is a command to the supervisor.
type order struct {
	verb    machine.Verb
	modules []string // empty is all
	dryRun  bool
}

// interrupted is the exit status after Ctrl-C.
const interrupted = 128 + int(unix.SIGINT)

// command has an order carried out, shows what happens meanwhile, and prints the result.
func (a *app) command(cmd *cobra.Command, o controlOptions, what order) error {
	client, err := a.connect(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	p := &progress{out: a.screen(cmd.ErrOrStderr()), order: what, quiet: o.output == "json" || what.dryRun}
	p.begin(ctx, client)
	r, err := client.Do(ctx, what.verb, what.modules, what.dryRun)
	p.end(client)
	switch {
	case err != nil && ctx.Err() != nil && cmd.Context().Err() == nil:
		return invoke.Exit(interrupted, fmt.Errorf("interrupted; the %v goes on: `supervisor status` says what became of it", what.verb))
	case err != nil:
		return clientError(err)
	}
	return writeResult(cmd.OutOrStdout(), cmd.ErrOrStderr(), o.output, r)
}

// writeResult prints a result; its error carries the exit status.
func writeResult(out, errs io.Writer, format string, r api.Result) error {
	status := invoke.StatusDone
	switch {
	case r.OK:
	case r.Invalid:
		status = invoke.StatusInvalid
	default:
		status = invoke.StatusFailed
	}
	var failure error
	if status != invoke.StatusDone {
		failure = invoke.Exit(status, nil)
	}
	if format == "json" {
		return errors.Join(writeJSON(out, r, "  "), failure)
	}
	said := false // the plan's last line may be the result already
	if r.Plan != nil {
		text := plan.Text(*r.Plan)
		if !r.OK { // its last line speaks of what was done
			text = fmt.Sprintf("planned, and not done (generation %d serves on):\n%s", r.Plan.From, strings.TrimSuffix(text, plan.Summary(*r.Plan)+"\n"))
		}
		if _, err := io.WriteString(out, text); err != nil {
			return invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("write the plan: %w", err))
		}
		said = strings.HasSuffix("\n"+text, "\n"+r.Text+"\n")
	}
	if r.Problems != "" {
		fmt.Fprint(errs, strings.TrimSuffix(r.Problems, "\n")+"\n")
	}
	for _, l := range r.Output {
		fmt.Fprintf(errs, "%s | %s\n", clean(l.Module), clean(l.Line))
	}
	if status != invoke.StatusDone {
		return invoke.Exit(status, errors.New(clean(r.Text)))
	}
	if said {
		return nil
	}
	if _, err := fmt.Fprintln(out, clean(r.Text)); err != nil {
		return invoke.Exit(invoke.StatusSupervisor, fmt.Errorf("write the result: %w", err))
	}
	return nil
}

// progress shows the events of a command while it is carried out: on a terminal the last one on a line that goes away, otherwise one
// line each.
type progress struct {
	out   screen
	order order
	quiet bool

	since string                     // what came before this ID is none of it; then the last event that was read
	r     *control.Reader[api.Event] // nil when there is nothing to follow
	read  chan struct{}              // closed when everything that r had was shown
}

// begin follows the events from now on. A supervisor that cannot be followed can be commanded all the same.
func (p *progress) begin(ctx context.Context, client *control.Client) {
	p.since = control.IDBefore(time.Now())
	if p.quiet {
		return
	}
	r, err := client.Events(ctx, p.since, true)
	if err != nil {
		return
	}
	p.r, p.read = r, make(chan struct{})
	go func() {
		defer close(p.read)
		for {
			e, err := r.Next()
			if err != nil {
				return
			}
			p.show(e)
		}
	}()
}

// end stops following, and shows what had not arrived when the answer did.
func (p *progress) end(client *control.Client) {
	if p.r == nil {
		return
	}
	_ = p.r.Close()
	<-p.read
	if p.out.terminal {
		_, _ = io.WriteString(p.out, "\r\x1b[K")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if r, err := client.Events(ctx, p.since, false); err == nil {
		_ = readOnce(r, func(e api.Event) error { p.show(e); return nil })
	}
}

// inResult are the kinds of events that say what the result is going to say.
var inResult = map[string]bool{
	machine.KindReloadProblems: true, machine.KindReloadRefused: true, machine.KindReloadDone: true, machine.KindReloadFailed: true,
	machine.KindCommandDone: true, machine.KindCommandFailed: true,
}

// show shows an event that belongs to a command, or to a module that it is about.
func (p *progress) show(e api.Event) {
	if e.ID == "" || e.ID <= p.since {
		return
	}
	p.since = e.ID
	if e.Trace == "" && !slices.Contains(p.order.modules, e.Module) || inResult[e.Kind] {
		return
	}
	text := clean(e.Text)
	if name := eventPlace(e); name != "" && !strings.HasPrefix(text, name) && (e.Module == "" || !strings.HasPrefix(text, e.Module)) {
		text = name + ": " + text
	}
	if p.out.terminal {
		_, _ = io.WriteString(p.out, "\r"+p.out.fit(text, 1)+"\x1b[K")
		return
	}
	fmt.Fprintln(p.out, text)
}
