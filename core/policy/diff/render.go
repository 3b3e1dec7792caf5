package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/snippet"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Render writes the changes for a person, each with the lines of the policies that make it and a call that shows it, and a line that counts them.
// Source has the text of a file, or nil when it is not at hand.
func Render(w io.Writer, r *Report, source func(file string) []byte) error {
	var out bytes.Buffer
	place := func(name string, pos policy.Pos) {
		if pos.Line != 0 {
			fmt.Fprintf(&out, "  %-8s%s\n%s", name+":", snippet.Clean(pos.String()), snippet.At(source(pos.File), pos))
		}
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&out, "%s[%s]: %s\n", c.Direction, c.Key, snippet.Clean(c.Of+": "+c.Message))
		place("before", c.A)
		place("after", c.B)
		if c.Witness != nil {
			fmt.Fprintf(&out, "  witness: %s\n", c.Witness)
		}
		if c.Example != nil {
			fmt.Fprintf(&out, "  witness: %s\n", snippet.Clean(c.Example.String()))
		}
		out.WriteByte('\n')
	}
	if len(r.Changes) == 0 {
		out.WriteString("no difference\n")
	} else {
		fmt.Fprintf(&out, "%d wider, %d narrower, %d other\n", r.Count(Wider), r.Count(Narrower), r.Count(Other))
	}
	_, err := w.Write(out.Bytes())
	return err
}

// jsonChange fixes the field names of the JSON form; they do not change within a major version.
type jsonChange struct {
	Direction Direction    `json:"direction"`
	Of        string       `json:"of"`
	Key       string       `json:"key"`
	Message   string       `json:"message"`
	A         string       `json:"a,omitempty"` // file:line:column
	B         string       `json:"b,omitempty"`
	Witness   *jsonWitness `json:"witness,omitempty"`
	Example   *jsonExample `json:"example,omitempty"`
}

type jsonExample struct {
	Text     string `json:"text"`
	A        string `json:"a"`
	B        string `json:"b"`
	Filtered bool   `json:"filtered,omitempty"`
}

type jsonWitness struct {
	Text   string   `json:"text"`
	Arch   string   `json:"arch"`
	Number uint32   `json:"number"`
	Args   []string `json:"args"` // in hexadecimal: 64 bits are more than a number of JSON holds everywhere
	A      string   `json:"a"`
	B      string   `json:"b"`
}

// MarshalJSON writes the change with the fields direction, of, key, message, a, b, witness, example.
func (c Change) MarshalJSON() ([]byte, error) {
	j := jsonChange{Direction: c.Direction, Of: c.Of, Key: c.Key, Message: c.Message}
	if c.A.Line != 0 {
		j.A = c.A.String()
	}
	if c.B.Line != 0 {
		j.B = c.B.String()
	}
	if w := c.Witness; w != nil {
		j.Witness = &jsonWitness{Text: w.Text, Arch: w.Arch, Number: w.Call.Nr, A: call.Answer(w.A), B: call.Answer(w.B)}
		for _, arg := range w.Call.Args {
			j.Witness.Args = append(j.Witness.Args, fmt.Sprintf("%#x", arg))
		}
	}
	if e := c.Example; e != nil {
		j.Example = &jsonExample{e.Text, e.A, e.B, e.Filtered}
	}
	return json.Marshal(j)
}

// RenderJSON writes the changes as one JSON array, [] when there are none.
func RenderJSON(w io.Writer, r *Report) error {
	changes := r.Changes
	if changes == nil {
		changes = []Change{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(changes)
}
