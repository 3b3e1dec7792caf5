package systemd

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Unit is a unit file.
type Unit struct {
	Name string // such as "web.service"
	Text []byte
}

// Header is how every unit begins that Export made. Whoever writes units tells by it whether a file is somebody else's.
const Header = "# Made by supervisor policy export systemd of "

// writer collects the lines of a unit.
type writer struct {
	b      strings.Builder
	notes  *[]exchange.Note
	strict bool
}

// Options are what units are like. The zero value makes units that start: a call with a condition that no directive says is allowed
// whatever its arguments are.
type Options struct {
	Strict bool // such a call is left out, so that no unit allows what its policy does not
}

func (w *writer) set(key, format string, args ...any) {
	w.b.WriteString(key + "=" + fmt.Sprintf(format, args...) + "\n")
}

func (w *writer) section(name string) {
	if w.b.Len() > 0 {
		w.b.WriteString("\n")
	}
	w.b.WriteString("[" + name + "]\n")
}

func (w *writer) note(pos policy.Pos, format string, args ...any) {
	*w.notes = append(*w.notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

// Export writes the modules of a policy as units, and tells what of the policy they do not have.
func Export(p *policy.Policy, o Options) ([]Unit, []exchange.Note) {
	var units []Unit
	var notes []exchange.Note
	if len(p.Tests) > 0 {
		w := &writer{notes: &notes}
		w.note(p.Tests[0].Pos, "the tests are not carried: `supervisor policy test` runs them")
	}
	for i := range p.Modules {
		m := &p.Modules[i]
		var listeners []policy.Listener
		for _, ref := range sockets(m) {
			for _, l := range p.Listeners {
				if l.Name == ref.Name {
					listeners = append(listeners, l)
				}
			}
		}
		w := &writer{notes: &notes, strict: o.Strict}
		w.b.WriteString(header(p.File))
		w.service(p, m)
		units = append(units, Unit{m.Name + ".service", []byte(w.b.String())})
		for _, l := range listeners {
			s := &writer{notes: &notes}
			s.b.WriteString(header(p.File))
			s.socket(m, l)
			units = append(units, Unit{socketName(m, l.Name), []byte(s.b.String())})
		}
	}
	return units, exchange.Sorted(notes)
}

// header is the first line of a unit. A backslash at its end would make the next line a part of it.
func header(file string) string {
	return Header + strings.TrimRight(exchange.Printable(file), `\ `) + "\n"
}

func socketName(m *policy.Module, listener string) string { return m.Name + "-" + listener + ".socket" }

// escape doubles the sign of systemd's specifiers.
func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote writes a word as systemd.syntax(7) reads it back.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s) + `"`
}

// argument writes a word of a command line, in which a dollar sign is a variable's.
func argument(s string) string { return strings.ReplaceAll(quote(s), "$", "$$") }

// pathWord writes a path among others, or one that options follow behind a colon.
func pathWord(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `:`, `\:`, "%", "%%", `"`, `\"`, `'`, `\'`).Replace(s)
	if strings.ContainsAny(s, " \t") {
		return `"` + s + `"`
	}
	return s
}
