package policy

import (
	"fmt"
	"slices"
	"strings"
)

// maxFindings is the number of findings after which Parse stops to report.
const maxFindings = 200

// decoder reads one policy file: it turns nodes into values and collects what is wrong with them.
type decoder struct {
	src   *source
	opt   Options
	diags Diagnostics
	seen  map[finding]struct{}
	lost  int // findings above maxFindings

	listeners map[string]*listenerUse
	profiles  []*profile

	aliases map[string]bool // that were reported

	includedFiles []string
	override      *node // what the command line says about a module, nil is nothing
	includedText  int   // bytes
	unread        bool  // an include could not be read: what is not defined may be there
	lacking       bool  // what is being read extends something that is not defined: what is missing may be there

	ruleMaps map[*node]ruleMap // rules with keys that were read
	oldest   Value[KernelVersion]
	within   string // "modules.web", "profiles.base": what is being read

	mergedEntries int  // of all merged maps and lists
	partial       bool // a profile by itself is decoded: what is missing in it may come from elsewhere
}

// finding is what makes two diagnostics the same one; a profile's are met again in each module that extends it.
type finding struct {
	code    string
	pos     Pos
	message string
}

// report adds an error, or a warning when the code starts with W. The result takes hint and help.
func (d *decoder) report(code string, at span, format string, args ...any) *Diagnostic {
	message := oneLine(format, args...)
	key := finding{code, at.pos, message}
	if _, again := d.seen[key]; again {
		return &Diagnostic{}
	}
	if len(d.diags) >= maxFindings {
		d.lost++
		if d.lost == 1 {
			d.diags = append(d.diags, Diagnostic{Code: codeTooMany, Pos: at.pos, Width: at.width,
				Message: fmt.Sprintf("more than %d findings; the rest is not shown", maxFindings)})
		}
		return &Diagnostic{}
	}
	if d.seen == nil {
		d.seen = map[finding]struct{}{}
	}
	d.seen[key] = struct{}{}
	severity := SeverityError
	if strings.HasPrefix(code, "W") {
		severity = SeverityWarning
	}
	d.diags = append(d.diags, Diagnostic{Code: code, Severity: severity, Message: message, Pos: at.pos, Width: at.width})
	return &d.diags[len(d.diags)-1]
}

// full tells that further findings would not be shown, so that nothing expensive is done for them.
func (d *decoder) full() bool { return len(d.diags) > maxFindings }

func (g *Diagnostic) hint(s string) *Diagnostic { g.Hint = oneLine("%s", s); return g }

func (g *Diagnostic) help(format string, args ...any) *Diagnostic {
	g.Help = oneLine(format, args...)
	return g
}

// maxQuoted is how much of a value a message repeats, in characters.
const maxQuoted = 200

// oneLine formats a message. What comes from the file is cut, and nothing in it can end the line or move the cursor.
func oneLine(format string, args ...any) string {
	for i, a := range args {
		if s, ok := a.(string); ok && len(s) > maxQuoted {
			runes := []rune(s[:min(len(s), 4*maxQuoted)])
			if len(runes) > maxQuoted {
				args[i] = string(runes[:maxQuoted]) + "…"
			}
		}
	}
	return clean(fmt.Sprintf(format, args...))
}

// suggest sets the hint to the candidate nearest to word; without one the help lists the candidates.
func (g *Diagnostic) suggest(word string, candidates []string) *Diagnostic {
	if s := nearest(word, slices.Values(candidates)); s != "" {
		return g.hint(didYouMean(s))
	}
	if all := strings.Join(candidates, ", "); len(all) <= maxQuoted {
		return g.help("one of %s", all)
	}
	return g.help("%d are known: docs/policy-reference.md has them all, and so has `supervisor policy schema`", len(candidates))
}

// wrongType reports a node that is not what is wanted, such as "a list".
func (d *decoder) wrongType(n *node, want string) *Diagnostic {
	if n.kind == kindBroken {
		return &Diagnostic{}
	}
	return d.report(codeType, n.span, "expected %s, found %s", want, n.describe())
}

// text reads a string, with its variables replaced.
func (d *decoder) text(n *node, want string) (string, bool) {
	if n.kind != kindScalar {
		d.wrongType(n, want)
		return "", false
	}
	if kind := n.plainKind(); kind != plainString {
		d.wrongType(n, want).help("write it in quotes: %q", n.text)
		return "", false
	}
	return d.scalar(n)
}

// word reads a string or a number as it was written, with its variables replaced.
func (d *decoder) word(n *node, want string) (string, bool) {
	if n.kind != kindScalar || n.plainKind() == plainNull {
		d.wrongType(n, want)
		return "", false
	}
	return d.scalar(n)
}

// scalar replaces the variables of a scalar and refuses NUL.
func (d *decoder) scalar(n *node) (string, bool) {
	if strings.ContainsRune(n.text, 0) {
		d.report(codeNUL, n.span, "a NUL character in a string").help("no string that goes to the kernel can contain it")
		return "", false
	}
	return d.interpolate(n)
}

// value reads a string and gives it its position.
func (d *decoder) value(n *node, want string) Value[string] {
	s, ok := d.text(n, want)
	if !ok {
		return Value[string]{}
	}
	return Value[string]{s, n.pos}
}

// choice reads one of a few words.
func (d *decoder) choice(n *node, what string, choices ...string) Value[string] {
	s, ok := d.word(n, what)
	if !ok {
		return Value[string]{}
	}
	if !slices.Contains(choices, s) {
		g := d.report(codeChoice, n.span, "unknown %s %q", what, s).suggest(s, choices)
		if len(choices) < 5 {
			g.help("one of %s", strings.Join(choices, ", "))
		}
		return Value[string]{}
	}
	return Value[string]{s, n.pos}
}

// list returns the entries of a list.
func (d *decoder) list(n *node, want string) []*node {
	if n.kind != kindList {
		d.wrongType(n, want)
		return nil
	}
	return n.items
}

// fields are the keys of a map that the language has at one place.
type fields struct {
	d     *decoder
	where string // "module", "seccomp", …
	n     *node
	known []string
}

// fields checks that a node is a map with no other keys than the known ones.
func (d *decoder) fields(n *node, where, want string, known ...string) (fields, bool) {
	if n.kind != kindMap {
		d.wrongType(n, want)
		return fields{}, false
	}
	for _, e := range n.entries {
		if !slices.Contains(known, e.key) {
			d.unknownKey(where, e, known)
		}
	}
	return fields{d, where, n, known}, true
}

// get returns the value of a key, nil when the key is not there.
func (f fields) get(key string) *node {
	if e := f.n.entry(key); e != nil {
		return e.value
	}
	return nil
}

// need returns the value of a required key. It reports a missing one at the given place, with what to write.
func (f fields) need(key string, at span, owner, example string) *node {
	if n := f.get(key); n != nil {
		return n
	}
	for _, e := range f.n.entries { // one mistake, one finding
		if !slices.Contains(f.known, e.key) && nearest(e.key, slices.Values(f.known)) == key {
			return nil
		}
	}
	f.d.report(codeMissingKey, at, "%s has no %q", owner, key).help("add %s", example)
	return nil
}
