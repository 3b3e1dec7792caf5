package policy

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ruleMap is a rule with keys, as it was read once: profiles are decoded for every module that extends them.
type ruleMap struct {
	rules []rule
	whole bool
}

// ruleMap reads a rule such as {call: socket, when: "family == AF_INET"}. In deny it may have an action.
func (d *decoder) ruleMap(item *node, deny bool) ([]rule, bool) {
	if known, there := d.ruleMaps[item]; there {
		return known.rules, known.whole
	}
	before := d.errors()
	rules := d.readRuleMap(item, deny)
	whole := d.errors() == before
	if !whole { // what it means is not known, so nothing is said about its effect
		rules = nil
	}
	if d.ruleMaps == nil {
		d.ruleMaps = map[*node]ruleMap{}
	}
	d.ruleMaps[item] = ruleMap{rules, whole}
	return rules, whole
}

// errors counts the errors so far.
func (d *decoder) errors() int {
	n := d.lost
	for _, g := range d.diags {
		if g.Severity == SeverityError {
			n++
		}
	}
	return n
}

func (d *decoder) readRuleMap(item *node, deny bool) []rule {
	f, ok := d.fields(item, "a rule", "", "call", "when", "if_supported", "action", "overridable")
	if !ok {
		return nil
	}
	for _, key := range []string{"action", "overridable"} {
		if e := item.entry(key); e != nil && !deny {
			d.report(codeUnknownKey, e.at, "a rule in allow has no key %q", key).help("%s is for rules in deny", key)
			return nil
		}
	}
	calls := f.need("call", item.span, "the rule", "call: NAME, or a list of names")
	if calls == nil {
		return nil
	}
	r := rule{owner: item.owner}
	if n := f.get("if_supported"); n != nil {
		r.ifSupported = d.flag(n, "if_supported")
	}
	if n := f.get("overridable"); n != nil && d.flag(n, "overridable") {
		r.overridable = true
		if item.owner == 0 {
			d.report(codeNoEffect, n.span, "overridable has no effect here: nothing extends a module").help("remove it, or move the rule to a profile")
		}
	}
	if n := f.get("action"); n != nil {
		before := d.errors()
		a := d.action(n, "action", Action{})
		if d.errors() == before {
			r.answer = &a.V
		}
	}
	items := []*node{calls}
	if calls.kind == kindList {
		items = calls.items
		if len(items) == 0 {
			d.report(codeMissingKey, calls.span, "the rule names no call").help("write call: NAME")
		}
	}
	var rules []rule
	for _, n := range items {
		one, ok := d.ruleName(n, r.ifSupported)
		if ok {
			r.name, r.at, r.calls = one.name, one.at, one.calls
			rules = append(rules, r)
		}
	}
	if n := f.get("if_supported"); n != nil && r.ifSupported && len(rules) > 0 && !slices.ContainsFunc(rules, func(r rule) bool { return !d.everywhere(r) }) {
		d.report(codeSupported, n.span, "if_supported has no effect: every architecture has %s, on every kernel that the policy accepts", named(rules)).help("remove it")
	}
	if n := f.get("when"); n != nil {
		rules = d.when(n, rules)
	}
	return rules
}

// named names the calls of rules.
func named(rules []rule) string {
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = r.name
	}
	return strings.Join(names, ", ")
}

// everywhere tells whether a call is there wherever the policy can be used. A kernel that the policy does not name is not older than 5.0.
func (d *decoder) everywhere(r rule) bool {
	c := d.opt.Catalog
	if r.group() || c.Everywhere == nil || c.Since == nil || !c.Everywhere(r.name) {
		return false
	}
	oldest := KernelVersion{Major: 5}
	if d.oldest.Set() {
		oldest = d.oldest.V
	}
	since, known := c.Since(r.name)
	return known && (since.Major < oldest.Major || since.Major == oldest.Major && since.Minor <= oldest.Minor)
}

// flag reads true; false is what it is without the key.
func (d *decoder) flag(n *node, key string) bool {
	if n.kind == kindScalar && n.plainKind() == plainBool && strings.EqualFold(n.text, "false") {
		d.report(codeNoEffect, n.span, "%s: false is what it is without the key", key).help("remove it")
		return false
	}
	return d.boolean(n)
}

// when reads the condition of rules and checks it against each call.
func (d *decoder) when(n *node, rules []rule) []rule {
	text, ok := d.text(n, `a condition such as "family == AF_INET"`)
	if !ok {
		return rules
	}
	pos, chars := n.pos, []Pos(nil)
	switch {
	case text != n.text: // a variable is in it: its places are not those of the file
		for range utf8.RuneCountInString(text) + 1 {
			chars = append(chars, n.pos)
		}
	default:
		chars, pos = d.charPositions(n)
	}
	e, err := parseExprAt(text, pos, chars)
	if err != nil {
		d.exprErrors(err, "")
		d.exprNames(e, rules)
		return rules
	}
	e.within = d.within
	for i := range rules {
		r := &rules[i]
		if r.group() {
			d.report(codeNoPrototype, r.at, "%q is a group, and its calls have different arguments", r.name).help("name the calls that the condition is about")
			continue
		}
		r.when = e
		if _, native := d.opt.Catalog.Calls[r.name]; !native { // conditionsElsewhere looks at other architectures
			continue
		}
		if _, err := e.Lower(r.name, d.opt.Catalog); err != nil {
			d.exprErrors(err, "")
		}
	}
	return rules
}

// exprNames reports the names that an expression has and nobody knows, where what is wrong with it says nothing about the rest.
func (d *decoder) exprNames(e *Expr, rules []rule) {
	if e == nil {
		return
	}
	for _, r := range rules {
		if _, native := d.opt.Catalog.Calls[r.name]; !native || r.group() {
			continue
		}
		_, err := e.Lower(r.name, d.opt.Catalog)
		es, _ := err.(ExprErrors) //nolint:errorlint // Lower returns nothing else
		es = slices.DeleteFunc(slices.Clone(es), func(g *ExprError) bool { return g.Code != codeUnknownArgument && g.Code != codeUnknownConstant })
		if len(es) > 0 {
			d.exprErrors(es, "")
		}
	}
}

// conditionsElsewhere checks the conditions for the architectures that are open besides the native one: a call may have other arguments
// there, or the same in another width.
func (d *decoder) conditionsElsewhere(open []Value[string], rules []rule) {
	if d.opt.Catalog.On == nil {
		return
	}
	for _, a := range open {
		if a.V == "native" {
			continue
		}
		catalog, known := d.opt.Catalog.On(a.V)
		if !known {
			continue
		}
		for _, r := range rules {
			if _, has := catalog.Calls[r.name]; r.when == nil || !has {
				continue
			}
			if _, err := r.when.Lower(r.name, catalog); err != nil {
				d.exprErrors(err, "on "+a.V+": ")
			}
		}
	}
}

// exprErrors reports what is wrong with an expression, after a word on where that is so.
func (d *decoder) exprErrors(err error, where string) {
	es, _ := err.(ExprErrors) //nolint:errorlint // parseExprAt and Lower return nothing else
	for _, e := range es {
		g := d.report(e.Code, span{e.Pos, e.Width}, "%s", where+e.Message)
		g.Hint, g.Help = e.Hint, e.Help
	}
}

// charPositions returns where each character of a scalar stands, and its end. Quotes, escapes, and the lines of a folded or indented text
// are why the places are not simply next to each other: the characters that are no space are met in the same order in both.
func (d *decoder) charPositions(n *node) (chars []Pos, first Pos) {
	w := d.walk(n)
	if rest, found := strings.CutPrefix(w.rest, n.text); found && (w.quote == 0 && !n.quoted || w.quote != 0 && strings.HasPrefix(rest, string(w.quote))) {
		return nil, w.pos
	}
	var places []Pos
	at := w.pos
	for _, r := range n.text {
		if unicode.IsSpace(r) {
			places = append(places, Pos{})
			continue
		}
		at = w.next()
		for i := len(places) - 1; i >= 0 && places[i].Line == 0; i-- { // spaces stand before what follows
			places[i] = Pos{at.File, at.Line, max(1, at.Col-1)}
		}
		places = append(places, at)
	}
	end := Pos{at.File, at.Line, at.Col + 1}
	for i := len(places) - 1; i >= 0 && places[i].Line == 0; i-- {
		places[i] = end
	}
	places = append(places, end)
	return places, places[0]
}

// walker goes through the characters of a scalar as it is written.
type walker struct {
	d     *decoder
	quote byte // 0 for plain text and blocks
	pos   Pos
	rest  string
}

// walk starts at the first character of a scalar.
func (d *decoder) walk(n *node) *walker {
	w := &walker{d: d, pos: n.pos, rest: d.src.rest(n.pos)}
	switch {
	case !n.quoted || w.rest == "":
	case w.rest[0] == '"' || w.rest[0] == '\'':
		w.quote = w.rest[0]
		w.skip(1)
	default: // the header of a block
		w.line()
	}
	return w
}

func (w *walker) line() {
	w.pos = Pos{w.pos.File, w.pos.Line + 1, 1}
	w.rest = w.d.src.rest(w.pos)
}

func (w *walker) skip(bytes int) {
	w.pos.Col += utf8.RuneCountInString(w.rest[:bytes])
	w.rest = w.rest[bytes:]
}

// next returns where the next character that is no space stands, and goes behind it.
func (w *walker) next() Pos {
	for {
		if w.rest == "" {
			last := w.pos
			w.line()
			if w.rest == "" && w.pos.Line > len(w.d.src.of(w.pos.File).lines) {
				w.pos = last
				return last
			}
			continue
		}
		at := w.pos
		r, size := utf8.DecodeRuneInString(w.rest)
		switch {
		case w.quote == '"' && r == '\\':
			r, size = escaped(w.rest)
		case w.quote == '\'' && strings.HasPrefix(w.rest, "''"):
			size = 2
		}
		w.skip(size)
		if !unicode.IsSpace(r) {
			return at
		}
	}
}

// escaped returns the character that an escape stands for and how many bytes it has; a space for one that ends the line.
func escaped(s string) (r rune, size int) {
	if len(s) < 2 {
		return ' ', len(s)
	}
	count := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if count > 0 {
		code, err := strconv.ParseUint(s[2:min(len(s), 2+count)], 16, 32)
		if err != nil {
			return utf8.RuneError, 2
		}
		return rune(code), min(len(s), 2+count)
	}
	if strings.IndexByte("ntrv f_NLP\t", s[1]) >= 0 {
		return ' ', 2
	}
	_, n := utf8.DecodeRuneInString(s[1:])
	return 'x', 1 + n
}
