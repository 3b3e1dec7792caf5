package minijail

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Options say for which host a file is read.
type Options struct {
	Arch    seccomp.Arch                      // this program's when zero
	Include func(path string) ([]byte, error) // reads what @include names; nil: nothing can be included
}

func (o Options) arch() seccomp.Arch { return cmp.Or(o.Arch, seccomp.Native()) }

// File is a .policy file for one architecture.
type File struct {
	Name    string
	Arch    seccomp.Arch
	Default uint32 // what calls get that no line is about
	Calls   []Call // in the order of the file
	Notes   []exchange.Note
	start   policy.Pos
}

// Call is what the file says about one call.
type Call struct {
	Name  string
	Cases []Case // the first that holds decides; then Default of the file
	Pos   policy.Pos
}

// Case is an answer and where it is given.
type Case struct {
	Or     [][]Atom // one of these, all of its atoms; none at all is always
	Answer uint32
}

// Atom is a comparison of a register, as a number of 64 bits without a sign.
type Atom struct {
	Arg   int
	Op    string // == != < <= > >= & in
	Value value
}

// maxStatements bounds a file; the kernel takes 4,096 instructions, and a line makes two at least.
const maxStatements = 4096

type parser struct {
	opt    Options
	f      *File
	source *exchange.Source
	errs   exchange.Errors
	first  map[string]policy.Pos // calls that were defined
	second bool                  // compile_seccomp_policy.py's dialect
	deny   bool
	said   bool
	level  int
}

// Parse reads a file. All errors come at once, as an [exchange.Errors].
func Parse(name string, text []byte, o Options) (*File, error) {
	p := &parser{opt: o, first: map[string]policy.Pos{}}
	p.f = &File{Name: name, Arch: o.arch(), Default: bpf.RetKillThread, start: policy.Pos{File: name, Line: 1, Col: 1}}
	p.file(name, string(text))
	if err := p.errs.Err(); err != nil {
		return nil, err
	}
	p.f.Notes = exchange.Sorted(p.f.Notes)
	return p.f, nil
}

func (p *parser) note(pos policy.Pos, format string, args ...any) {
	p.f.Notes = append(p.f.Notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

// file reads a file or an included one.
func (p *parser) file(name, text string) {
	outer := p.source
	defer func() { p.source = outer }()
	p.source = exchange.NewSource(name, []byte(text))
	if i := strings.IndexByte(text, 0); i >= 0 {
		p.errs = append(p.errs, p.source.Errorf(i, "a zero byte: this is no text"))
		return
	}
	statements, errs := scan(p.source, text)
	p.errs = append(p.errs, errs...)
	if len(statements) > maxStatements {
		p.errs = append(p.errs, p.source.Errorf(statements[maxStatements].at, "more than %d lines", maxStatements))
		return
	}
	if p.level == 0 {
		p.second = slices.ContainsFunc(statements, later)
	}
	for _, s := range statements {
		last := s.tokens[len(s.tokens)-1]
		c := &cursor{p.source, s.tokens, last.at + len(last.text)}
		if err := p.statement(c); err != nil {
			var e exchange.Error
			if e, _ = err.(exchange.Error); e.Text == "" { //nolint:errorlint // nothing else is made here
				e = p.source.Errorf(s.at, "%v", err)
			}
			p.errs = append(p.errs, e)
		}
	}
}

// later tells whether a statement has something that only compile_seccomp_policy.py reads.
func later(s statement) bool {
	for i, t := range s.tokens {
		switch t.text {
		case "@default", "@denylist", "{", "[":
			return true
		case "allow", "kill-process", "kill-thread", "trap", "trace", "log", "user-notify":
			if i > 0 && s.tokens[0].text[0] != '@' {
				return true
			}
		}
	}
	return false
}

func (p *parser) statement(c *cursor) error {
	at := c.pos()
	switch c.peek() {
	case "@include":
		c.next()
		return p.include(c.next(), at)
	case "@frequency":
		p.note(at, "the frequencies are left out: they are about speed and not about what is allowed")
		return nil
	case "@denylist":
		c.next()
		p.deny, p.f.Default = true, bpf.RetAllow
		return p.ended(c)
	case "@default":
		c.next()
		answer, ok, err := p.action(c)
		if err == nil && ok && answer == bpf.RetAllow {
			err = exchange.Errorf(at, "the default allows; @denylist is how that is said")
		}
		if err == nil && ok {
			p.f.Default = answer
		}
		return cmp.Or(err, p.ended(c))
	}
	names, here, err := p.names(c)
	if err != nil {
		return err
	}
	if err := c.want(":", "behind the system call"); err != nil {
		return err
	}
	cases, carried, err := p.filter(c)
	if err = cmp.Or(err, p.ended(c)); err != nil {
		return err
	}
	for i, t := range names {
		if here[i] && carried {
			if err := p.define(t, cases); err != nil {
				return err
			}
		}
	}
	return nil
}

// ended makes an error of what is left of a statement.
func (p *parser) ended(c *cursor) error {
	if c.peek() == "" {
		return nil
	}
	return exchange.Errorf(c.pos(), "%q does not belong here", c.peek())
}

func (p *parser) include(t token, at policy.Pos) error {
	switch {
	case t.text == "":
		return exchange.Errorf(at, "@include without a path")
	case p.level > 0:
		return exchange.Errorf(at, "an included file includes another one; minijail goes one level deep")
	case !strings.HasPrefix(t.text, "/") && !strings.HasPrefix(t.text, "./"):
		return exchange.Errorf(p.source.At(t.at), "the path %q begins with neither / nor ./, as minijail wants it", t.text)
	case p.opt.Include == nil:
		return exchange.Errorf(at, "nothing can be included here")
	}
	text, err := p.opt.Include(t.text)
	if err != nil {
		return exchange.Errorf(p.source.At(t.at), "include %s: %v", t.text, err)
	}
	p.level++
	defer func() { p.level-- }()
	p.file(t.text, string(text))
	return nil
}

// names reads what stands before the colon: a call, or several in braces. here tells which are for this architecture.
func (p *parser) names(c *cursor) (names []token, here []bool, err error) {
	one := func() error {
		t := c.next()
		if t.text == "" || !word(t.text[0]) {
			return exchange.Errorf(p.source.At(t.at), "%q where the name of a system call belongs", t.text)
		}
		mine := true
		if c.take("[") {
			if mine, err = p.metadata(c); err != nil {
				return err
			}
		}
		names, here = append(names, t), append(here, mine)
		return nil
	}
	if !c.take("{") {
		return names, here, cmp.Or(one(), err)
	}
	for {
		if err := one(); err != nil {
			return nil, nil, err
		}
		if !c.take(",") {
			return names, here, c.want("}", "behind the system calls")
		}
	}
}

// metadata reads [arch=x86_64,arm64] and tells whether this architecture is among them.
func (p *parser) metadata(c *cursor) (bool, error) {
	key := c.next()
	if key.text != "arch" {
		return false, exchange.Errorf(p.source.At(key.at), "unknown metadata %q; there is arch", key.text)
	}
	if err := c.want("=", "behind arch"); err != nil {
		return false, err
	}
	names := map[seccomp.Arch]string{seccomp.X8664: "x86_64", seccomp.X86: "x86", seccomp.AArch64: "arm64", seccomp.ARM: "arm"}
	mine := false
	for {
		mine = c.next().text == names[p.opt.arch()] || mine
		if !c.take(",") {
			return mine, c.want("]", "behind the architectures")
		}
	}
}

// define adds a call.
func (p *parser) define(t token, cases []Case) error {
	pos, arch := p.source.At(t.at), p.opt.arch()
	name := t.text
	if n, err := strconv.ParseUint(name, 0, 32); err == nil {
		if name = arch.CallName(uint32(n)); name == "" {
			return exchange.Errorf(pos, "%s has no system call %d", arch, n)
		}
	}
	if strings.Contains(name, "@") {
		p.note(pos, "the group %s is left out: the file that says what is in it does not come with minijail; write its calls", name)
		return nil
	}
	if _, has := arch.Number(name); !has {
		if !slices.ContainsFunc(seccomp.Arches(), func(a seccomp.Arch) bool { _, has := a.Number(name); return has }) {
			return exchange.Errorf(pos, "unknown system call %q", name)
		}
		p.note(pos, "%s is left out: %s has no such call", name, arch)
		return nil
	}
	if earlier, twice := p.first[name]; twice {
		return exchange.Errorf(pos, "%s is defined twice; first at %v", name, earlier)
	}
	p.first[name] = pos
	p.f.Calls = append(p.f.Calls, Call{name, cases, pos})
	return nil
}
