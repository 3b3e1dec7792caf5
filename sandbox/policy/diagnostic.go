package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity tells whether a policy with the finding can be used.
type Severity uint8

const (
	SeverityError   Severity = iota // the policy is refused
	SeverityWarning                 // the policy is valid; a person should look at it
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == SeverityWarning {
		return "warning"
	}
	return "error"
}

// MarshalText writes the severity as String does, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Diagnostic is one finding about a policy file.
type Diagnostic struct {
	Code     string   // one of the codes in Codes
	Severity Severity // error or warning
	Message  string   // what is wrong, in one line
	Hint     string   // shown behind the caret: `did you mean "write"?`; may be empty
	Help     string   // what to do about it; may be empty
	Pos      Pos      // where the culprit starts
	Width    int      // how many characters of that line it covers, at least 1
}

// String returns the diagnostic in one line, without the source.
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s[%s]: %s", d.Pos, d.Severity, d.Code, d.Message)
	if d.Hint != "" {
		b.WriteString("; " + d.Hint)
	}
	if d.Help != "" {
		b.WriteString("; help: " + d.Help)
	}
	return b.String()
}

// String returns "file:line:col".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// lineOf names a line for a message about another place, with its file when that is not the same.
func lineOf(there, here Pos) string {
	if there.File == here.File {
		return fmt.Sprintf("line %d", there.Line)
	}
	return fmt.Sprintf("line %d of %s", there.Line, there.File)
}

// Diagnostics are the findings about a file, sorted by position.
type Diagnostics []Diagnostic

// Error returns one line for each finding; so Diagnostics with errors in them serve as an error.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// HasErrors tells whether one of the findings is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == SeverityError })
}

// Err returns the findings as an error, or nil when there is none but warnings.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	return ds
}

// sorted returns the findings by position, each once; those of the file itself come before those of the files that it includes.
func (ds Diagnostics) sorted(file string) Diagnostics {
	other := func(d Diagnostic) string {
		if d.Pos.File == file {
			return ""
		}
		return d.Pos.File
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(other(a), other(b)),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.CompactFunc(ds, func(a, b Diagnostic) bool {
		return a.Pos == b.Pos && a.Code == b.Code && a.Message == b.Message
	})
}
