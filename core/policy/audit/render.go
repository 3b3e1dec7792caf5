package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Render writes findings for a person, each with the line of the policy that opens it. Source has the text of a file, or nil when it is not
// at hand.
func Render(w io.Writer, findings []Finding, source func(file string) []byte) error {
	var out bytes.Buffer
	for _, f := range findings {
		renderOne(&out, f, source(f.Pos.File))
	}
	_, err := w.Write(out.Bytes())
	return err
}

func renderOne(out *bytes.Buffer, f Finding, source []byte) {
	severity := f.Severity.String()
	if f.Accepted != nil {
		severity = "accepted " + severity
	}
	var one bytes.Buffer
	_ = policy.Render(&one, policy.Diagnostics{{ // a buffer takes everything
		Code: f.Rule, Severity: policy.SeverityWarning, Message: f.Module + ": " + f.Message, Pos: f.Pos, Width: width(source, f.Pos),
	}}, source)
	out.WriteString(severity + strings.TrimPrefix(one.String(), policy.SeverityWarning.String()))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "  %-9s%s\n", name+":", text)
		}
	}
	if f.Witness != nil {
		line("witness", f.Witness.String())
	}
	gives := f.Gives
	if f.Source != "" {
		gives += " [" + f.Source + "]"
	}
	line("gives", gives)
	line("fix", f.Fix)
	if f.Accepted != nil {
		line("accepted", fmt.Sprintf("%s (until %s, %s)", f.Accepted.Reason, f.Accepted.Until.UTC().Format(time.DateOnly), f.Accepted.Pos))
	}
}

// String returns the call with its answer: "ptrace(0, …) -> allow".
func (w *Witness) String() string {
	return fmt.Sprintf("%s -> %s (%s)", w.Text, bpf.Describe(w.Answer), w.Arch)
}

// width returns how many characters the word at a place has, at least 1.
func width(source []byte, pos policy.Pos) int {
	lines := strings.Split(string(source), "\n")
	if pos.Line < 1 || pos.Line > len(lines) || pos.Col < 1 {
		return 1
	}
	text := []rune(lines[pos.Line-1])
	n := 0
	for i := pos.Col - 1; i < len(text) && !strings.ContainsRune(" \t,]}:#", text[i]); i++ {
		n++
	}
	return max(n, 1)
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

// MarshalJSON writes the finding with the fields rule, title, severity, module, subject, message, file, line, column, witness, gives,
// source, fix, accepted.
func (f Finding) MarshalJSON() ([]byte, error) {
	rule, _ := RuleByID(f.Rule)
	j := jsonFinding{Rule: f.Rule, Title: rule.Title, Severity: f.Severity, Module: f.Module, Subject: f.Subject, Message: f.Message,
		File: f.Pos.File, Line: f.Pos.Line, Column: f.Pos.Col, Gives: f.Gives, Source: f.Source, Fix: f.Fix}
	if f.Witness != nil {
		j.Witness = &jsonWitness{Text: f.Witness.Text, Answer: bpf.Describe(f.Witness.Answer), Arch: f.Witness.Arch, Number: f.Witness.Call.Nr}
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
