package vet

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// The directives, as go/ast keeps them.
const (
	leakDirective   = "//posixvet:leak"
	exemptDirective = "//posixvet:exempt"
	anyDirective    = "//posixvet:"
)

// leak is one name of a directive.
type leak struct {
	name       string // "os/signal.Notify", "net/http.*", "C"
	pos        token.Pos
	start, end token.Pos // what it covers; the whole package when they are 0
	used       bool
}

func (l *leak) covers(name string, pos token.Pos) bool {
	if l.end != 0 && (pos < l.start || pos >= l.end) {
		return false
	}
	if all, ok := strings.CutSuffix(l.name, ".*"); ok {
		return strings.HasPrefix(name, all+".") && !strings.Contains(name[len(all)+1:], "/")
	}
	return l.name == name
}

// parseLeak splits a directive into its names and its reason.
func parseLeak(text string) (names []string, reason string, err error) {
	rest, ok := strings.CutPrefix(text, leakDirective)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return nil, "", fmt.Errorf("unknown directive %q: use %s NAME: REASON", firstWord(text), leakDirective)
	}
	list, reason, ok := strings.Cut(rest, ": ")
	if reason = strings.TrimSpace(reason); !ok || reason == "" {
		return nil, "", fmt.Errorf("a leak without a reason: write %s NAME: REASON", leakDirective)
	}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, " \t") {
			return nil, "", fmt.Errorf("a leak without a name: write %s NAME: REASON, with commas between several names", leakDirective)
		}
		names = append(names, name)
	}
	return names, reason, nil
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// exemption returns the reason of an exempt directive.
func exemption(text string) (reason string, ok bool) {
	rest, ok := strings.CutPrefix(text, exemptDirective)
	return strings.TrimSpace(rest), ok && (rest == "" || rest[0] == ' ')
}

// directives collects the leaks of a file, and whether it leaves out the package.
func (c *checker) directives(f *ast.File) {
	for _, group := range f.Comments {
		for _, comment := range group.List {
			if !strings.HasPrefix(comment.Text, anyDirective) {
				continue
			}
			if reason, ok := exemption(comment.Text); ok {
				switch {
				case reason == "":
					c.pass.Reportf(comment.Pos(), "a package is left out without a reason: write %s REASON", exemptDirective)
				case group != f.Doc:
					c.pass.Reportf(comment.Pos(), "%s belongs into the package comment, directly above the package clause", exemptDirective)
				default:
					c.exempt = comment.Pos()
				}
				continue
			}
			c.leak(f, comment)
		}
	}
}

func (c *checker) leak(f *ast.File, comment *ast.Comment) {
	names, _, err := parseLeak(comment.Text)
	if err != nil {
		c.pass.Reportf(comment.Pos(), "%v", err)
		return
	}
	start, end := scope(f, comment)
	for _, name := range names {
		if !known(name) {
			c.pass.Reportf(comment.Pos(), "%s is listed as a leak, but is nothing that posixvet reports: names are written as it reports them", name)
			continue
		}
		c.leaks = append(c.leaks, &leak{name: name, pos: comment.Pos(), start: start, end: end})
	}
}

// scope returns the declaration that a comment belongs to, or 0 when that is the package. An import declaration is none: it covers nothing.
func scope(f *ast.File, comment *ast.Comment) (start, end token.Pos) {
	for _, d := range f.Decls {
		from := d.Pos()
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc != nil {
				from = d.Doc.Pos()
			}
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			if d.Doc != nil {
				from = d.Doc.Pos()
			}
		}
		if from <= comment.Pos() && comment.Pos() < d.End() {
			return from, d.End()
		}
	}
	return 0, 0
}

// stale reports the leaks that are gone.
func (c *checker) stale() {
	for _, l := range c.leaks {
		if !l.used {
			c.pass.Reportf(l.pos, "%s is listed as a leak, but is not used here any more: remove it from the list", l.name)
		}
	}
}
