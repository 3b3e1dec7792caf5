package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

// table writes a status for a person.
func (v statusView) table(out screen, s api.Status) error {
	now := v.now()
	head := fmt.Sprintf("supervisor %s, pid %d, up %s; manager pid %d, up %s", s.Version, s.PID, age(now, s.Since), s.Manager.PID, age(now, s.Manager.Since))
	if s.Manager.Restarts > 0 {
		head += fmt.Sprintf(", started again %s", times(s.Manager.Restarts))
	}
	lines := []cell{{text: head}, {text: s.State}}
	if s.Generation > 0 {
		lines[1].text += fmt.Sprintf(", generation %d of %s", s.Generation, clean(strings.Join(s.Policies, ", ")))
	}
	if r := s.LastReload; r != nil {
		line := cell{text: fmt.Sprintf("last reload %s ago: %s", age(now, r.Time), clean(r.Text))}
		if !r.OK {
			line = cell{"last reload REFUSED OR UNDONE " + age(now, r.Time) + " ago: " + clean(r.Text), red}
		}
		lines = append(lines, line)
	}
	var rows [][]cell
	for _, l := range lines {
		rows = append(rows, []cell{l})
	}
	for _, part := range [][][]cell{rows, v.instances(s, now), v.listeners(s), v.protections(s)} {
		if len(part) == 0 {
			continue
		}
		if &part[0] != &rows[0] {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		if err := out.columns(part); err != nil {
			return err
		}
	}
	return nil
}

func (v statusView) instances(s api.Status, now time.Time) [][]cell {
	rows := [][]cell{heads("MODULE", "REPLICA", "PID", "STATE", "SINCE", "RESTARTS", "GENERATION", "REASON")}
	for _, m := range s.Modules {
		for _, i := range m.Instances {
			rows = append(rows, []cell{{text: m.Name}, {text: strconv.Itoa(i.Replica)}, {text: orDash(i.PID)}, {i.State, stateColour(i.State)},
				{text: age(now, i.Since)}, {text: strconv.Itoa(i.Restarts)}, {text: strconv.FormatUint(i.Generation, 10)}, {text: reason(i, now)}})
		}
		if len(m.Instances) == 0 {
			rows = append(rows, []cell{{text: m.Name}, {text: "-"}, {text: "-"}, {text: "none"}})
		}
	}
	return rows
}

// reason is why an instance is in its state, and what the module says of itself.
func reason(i api.Instance, now time.Time) string {
	var parts []string
	if i.Reason != "" {
		parts = append(parts, i.Reason)
	}
	if i.NextTry != nil {
		parts = append(parts, "next try in "+age(*i.NextTry, now))
	}
	if i.Status != "" {
		parts = append(parts, strconv.Quote(i.Status))
	}
	return clean(strings.Join(parts, "; "))
}

// stateColour tells at a glance what serves and what does not. The words are those of package machine.
func stateColour(state string) string {
	switch state {
	case "ready":
		return green
	case "held", "failing":
		return red
	case "stopped", "exited":
		return dim
	}
	return yellow // it is on its way
}

func (v statusView) listeners(s api.Status) [][]cell {
	if len(s.Listeners) == 0 {
		return nil
	}
	rows := [][]cell{heads("LISTENER", "ADDRESS", "GENERATION", "HEALED", "MODULES")}
	for _, l := range s.Listeners {
		healed := cell{text: times(l.Healed)}
		if l.Healed > 0 {
			healed.colour = yellow
		}
		rows = append(rows, []cell{{text: l.Name}, {text: clean(l.Network + " " + l.Address)}, {text: strconv.FormatUint(l.Generation, 10)}, healed,
			{text: strings.Join(l.Modules, ", ")}})
	}
	return rows
}

func (v statusView) protections(s api.Status) [][]cell {
	if !v.enforcement {
		return nil
	}
	rows := [][]cell{heads("MODULE", "PROTECTION", "LEVEL", "DETAIL")}
	for _, m := range s.Modules {
		for _, p := range m.Enforcement {
			level := cell{p.Level, green}
			if p.Level != "enforced" {
				level = cell{strings.ToUpper(p.Level), red}
			}
			rows = append(rows, []cell{{text: m.Name}, {text: p.Name}, level, {text: clean(p.Detail)}})
		}
	}
	return rows
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// times says how often.
func times(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// age is how long ago t was, in at most two units.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}
