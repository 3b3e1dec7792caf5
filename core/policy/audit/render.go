package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/snippet"
)

// RenderOptions say how findings are written.
type RenderOptions struct {
	Source func(file string) []byte // the text of a file, or nil when it is not at hand
	Least  Severity                 // what weighs less is counted, and not shown
}

// Render writes findings for a person: those that nobody took on, each with the line of the policy that opens it; those that were, in two
// lines each; and a line that counts them.
func Render(w io.Writer, findings []Finding, opt RenderOptions) error {
	var out bytes.Buffer
	var accepted []Finding
	hidden := map[Severity]int{}
	count := map[Severity]int{}
	for _, f := range findings {
		switch {
		case f.Accepted != nil:
			accepted = append(accepted, f)
		case f.Severity < opt.Least:
			hidden[f.Severity]++
		default:
			count[f.Severity]++
			renderOne(&out, f, opt.Source(f.Pos.File))
		}
	}
	for i, f := range accepted {
		if i == 0 {
			out.WriteString("accepted:\n")
		}
		renderAccepted(&out, f)
	}
	if len(accepted) > 0 {
		out.WriteByte('\n')
	}
	line := "no findings"
	if text := counts(count); text != "" {
		line = "findings: " + text
	}
	if len(accepted) > 0 {
		line += fmt.Sprintf("; %d accepted", len(accepted))
	}
	if text := counts(hidden); text != "" {
		line += fmt.Sprintf("; not shown: %s", text)
	}
	fmt.Fprintln(&out, line)
	_, err := w.Write(out.Bytes())
	return err
}

// counts lists how many there are of each severity, the worst first.
func counts(n map[Severity]int) string {
	var parts []string
	for s := High; ; s-- {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
		if s == Info {
			return strings.Join(parts, ", ")
		}
	}
}

func renderOne(out *bytes.Buffer, f Finding, source []byte) {
	fmt.Fprintf(out, "%s[%s]: %s\n  %s\n", f.Severity, f.Rule, snippet.Clean(f.Module+": "+f.Message), snippet.Clean(f.Pos.String()))
	out.WriteString(snippet.At(source, f.Pos))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "  %-9s%s\n", name+":", snippet.Clean(text))
		}
	}
	if f.Witness != nil {
		line("witness", f.Witness.String())
	}
	line("witness", f.Shows)
	line("gives", f.Gives)
	line("see", f.Source)
	line("fix", f.Fix)
	out.WriteByte('\n')
}

func renderAccepted(out *bytes.Buffer, f Finding) {
	fmt.Fprintf(out, "  %s[%s]: %s (%s)\n", f.Severity, f.Rule, snippet.Clean(f.Module+": "+f.Message), snippet.Clean(f.Pos.String()))
	fmt.Fprintf(out, "    until %s: %s (%s)\n", f.Accepted.Until.UTC().Format(time.DateOnly), snippet.Clean(f.Accepted.Reason),
		snippet.Clean(f.Accepted.Pos.String()))
}

// String returns the call with its answer: "ptrace(0, …) -> allow".
func (w *Witness) String() string {
	return fmt.Sprintf("%s -> %s (%s)", w.Text, call.Answer(w.Answer), w.Arch)
}

// jsonFinding fixes the field names of the JSON form; they do not change within a major version.
type jsonFinding struct {
	Rule     string        `json:"rule"`
	Title    string        `json:"title"`
	Severity Severity      `json:"severity"`
	Module   string        `json:"module"`
	Subject  string        `json:"subject"`
	Message  string        `json:"message"`
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Column   int           `json:"column"`
	Witness  *jsonWitness  `json:"witness,omitempty"`
	Shows    string        `json:"shows,omitempty"`
	Gives    string        `json:"gives"`
	Source   string        `json:"source,omitempty"`
	Fix      string        `json:"fix,omitempty"`
	Accepted *jsonAccepted `json:"accepted,omitempty"`
}

type jsonWitness struct {
	Text   string   `json:"text"`
	Answer string   `json:"answer"`
	Arch   string   `json:"arch"`
	Number uint32   `json:"number"`
	Args   []string `json:"args"` // in hexadecimal: 64 bits are more than a number of JSON holds everywhere
}

type jsonAccepted struct {
	Reason string `json:"reason"`
	Until  string `json:"until"`
}

// MarshalJSON writes the finding with the fields rule, title, severity, module, subject, message, file, line, column, witness, shows,
// gives, source, fix, accepted.
func (f Finding) MarshalJSON() ([]byte, error) {
	rule, _ := RuleByID(f.Rule)
	j := jsonFinding{Rule: f.Rule, Title: rule.Title, Severity: f.Severity, Module: f.Module, Subject: f.Subject, Message: f.Message,
		File: f.Pos.File, Line: f.Pos.Line, Column: f.Pos.Col, Shows: f.Shows, Gives: f.Gives, Source: f.Source,
		Fix: f.Fix}
	if f.Witness != nil {
		j.Witness = &jsonWitness{Text: f.Witness.Text, Answer: call.Answer(f.Witness.Answer), Arch: f.Witness.Arch, Number: f.Witness.Call.Nr}
		for _, a := range f.Witness.Call.Args {
			j.Witness.Args = append(j.Witness.Args, fmt.Sprintf("%#x", a))
		}
	}
	if f.Accepted != nil {
		j.Accepted = &jsonAccepted{f.Accepted.Reason, f.Accepted.Until.UTC().Format(time.DateOnly)}
	}
	return json.Marshal(j)
}

// RenderJSON writes the findings as one JSON array, [] when there are none.
func RenderJSON(w io.Writer, findings []Finding) error {
	if findings == nil {
		findings = []Finding{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(findings)
}
