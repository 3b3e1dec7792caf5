package policy

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// checkTokens refuses what the YAML parser must not see: too many tokens, too deep nesting, and the parts of YAML
// that a policy does without. It returns false when the parser must not run.
func (d *decoder) checkTokens(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		d.report(codeTooMuch, d.place(tokens[maxTokens]), "the file has more than %d words and signs", maxTokens).help("divide it into several files of a directory")
		return false
	}
	invalid := d.invalidTokens(tokens)
	depth := depthMeter{}
	usable := !invalid
	var last *token.Token // the last that is no comment
	for i, t := range tokens {
		if t.Type == token.CommentType || t.Type == token.InvalidType {
			continue
		}
		if d.refused(t, i, tokens) {
			usable = false
		}
		if t.Type == token.MappingValueType && last != nil && utf8.RuneCountInString(last.Value) > maxKey {
			d.report(codeTooMuch, d.place(last), "a key of more than %d characters", maxKey)
			return false
		}
		depth.add(t, last)
		if depth.now() > maxDepth {
			d.report(codeTooDeep, d.place(t), "maps and lists are nested deeper than %d", maxDepth)
			return false
		}
		if depth.sum > maxDepthSum {
			d.report(codeTooMuch, d.place(t), "too much of the file is nested deeply")
			return false
		}
		last = t
	}
	return usable && !d.secondDocument(tokens)
}

// invalidTokens reports what the scanner could not read. After the first one it may be out of step, so of the
// others only those are reported that are wrong wherever they stand.
func (d *decoder) invalidTokens(tokens token.Tokens) bool {
	found := false
	for i, t := range tokens {
		if t.Type != token.InvalidType {
			continue
		}
		written := strings.TrimSpace(t.Origin)
		reserved := written == "@" || written == "`"
		if found && !reserved {
			continue
		}
		found = true
		at := d.place(t)
		switch {
		case reserved:
			g := d.report(codeSyntax, at, "%s cannot start a word", written).help("put the word in quotes")
			if i+1 < len(tokens) && tokens[i+1].Type == token.StringType {
				g.help("write %q", written+tokens[i+1].Value)
			}
		case strings.HasPrefix(written, ">"):
			d.report(codeSyntax, at, "> starts a block of text here").help("put the value in quotes")
		case strings.HasPrefix(written, `"`) && d.badEscape(at):
		default:
			message, help := syntaxWords(t.Error)
			d.report(codeSyntax, at, "%s", message).help("%s", help)
		}
	}
	return found
}

// refused reports anchors, aliases, merge keys, tags, directives and complex keys. Only after tags can the rest of
// the file still be understood.
func (d *decoder) refused(t *token.Token, i int, tokens token.Tokens) bool {
	at := d.place(t)
	name := ""
	if i+1 < len(tokens) && tokens[i+1].Position.Line == t.Position.Line {
		name, _, _ = strings.Cut(tokens[i+1].Value, "\n")
	}
	switch t.Type {
	case token.AnchorType, token.AliasType:
		what := map[token.Type]string{token.AnchorType: "anchor &", token.AliasType: "alias *"}[t.Type]
		if t.Type == token.AliasType {
			if d.aliases[name] {
				return true // said once, it is said
			}
			if d.aliases == nil {
				d.aliases = map[string]bool{}
			}
			d.aliases[name] = true
		}
		at = d.src.at(at.pos, 1+utf8.RuneCountInString(name))
		d.report(codeAnchor, at, "%s%s: a policy has no anchors and aliases", what, name).
			help("put what is shared into a profile and extend it")
	case token.MergeKeyType:
		d.report(codeAnchor, at, "<< merges maps; a policy has no merge keys").
			help("put what is shared into a profile and extend it")
	case token.TagType:
		if t.Value == "!reset" {
			if !resetsSomething(i, tokens) {
				d.report(codeSyntax, at, "nothing stands behind !reset").help("write !reset [] for a list, !reset {} for a map, and !reset null for anything else")
				return true
			}
			return false
		}
		g := d.report(codeTag, at, "a policy has no tags such as %s", t.Value).help("remove it")
		if t.Value == "!override" || nearest(t.Value, slices.Values([]string{"!reset"})) != "" {
			g.hint(didYouMean("!reset")).help("!reset is the only tag: what stands behind it replaces what the profiles gave")
		}
		return false
	case token.DirectiveType:
		d.report(codeDocuments, at, "a policy has no directives").help("remove the line")
	case token.MappingKeyType:
		d.report(codeKey, at, "a key must be a word").help("write KEY: VALUE")
	default:
		return false
	}
	return true
}

// resetsSomething tells whether a value of its own stands behind a tag: the parser would take the next key of the map for it.
func resetsSomething(i int, tokens token.Tokens) bool {
	tag := tokens[i]
	for _, next := range tokens[i+1:] {
		switch next.Type {
		case token.CommentType:
			continue
		case token.MappingEndType, token.SequenceEndType, token.CollectEntryType:
			return false
		}
		if next.Position.Line == tag.Position.Line {
			return true
		}
		if i < 2 {
			return false
		}
		key := tokens[i-2].Position
		return next.Position.Column > key.Column || next.Type == token.SequenceEntryType && next.Position.Column == key.Column
	}
	return false
}

// secondDocument reports where a second document starts, or that something follows the end of the first.
func (d *decoder) secondDocument(tokens token.Tokens) bool {
	started, ended := false, false
	for _, t := range tokens {
		switch {
		case t.Type == token.CommentType:
			continue
		case ended, t.Type == token.DocumentHeaderType && started:
			d.report(codeDocuments, d.place(t), "a second document starts here").help("a policy is one document: one file each")
			return true
		case t.Type == token.DocumentEndType:
			ended = true
		}
		started = true
	}
	return false
}

// depthMeter counts how many maps and lists a token is in.
type depthMeter struct {
	flow   int
	blocks []block
	sum    int
}

// block is a map or a list written by indentation.
type block struct {
	column int
	list   bool
}

func (m *depthMeter) now() int { return m.flow + len(m.blocks) }

// add follows one token; last is the one before it.
func (m *depthMeter) add(t, last *token.Token) {
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		m.flow++
	case token.MappingEndType, token.SequenceEndType:
		m.flow = max(0, m.flow-1)
	case token.SequenceEntryType:
		m.enter(block{t.Position.Column, true})
	case token.MappingValueType:
		if m.flow == 0 && last != nil {
			m.enter(block{last.Position.Column, false})
		}
	}
	m.sum += m.now()
}

// enter leaves the blocks that end before b and enters b. A list may start in the column of the key it belongs to.
func (m *depthMeter) enter(b block) {
	for len(m.blocks) > 0 {
		top := m.blocks[len(m.blocks)-1]
		if top == b {
			return
		}
		if top.column < b.column || top.column == b.column && b.list {
			break
		}
		m.blocks = m.blocks[:len(m.blocks)-1]
	}
	m.blocks = append(m.blocks, b)
}
