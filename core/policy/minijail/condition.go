package minijail

import (
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// filter reads what stands behind the colon. It is not carried when it has an action that a policy does not have.
func (p *parser) filter(c *cursor) (cases []Case, carried bool, err error) {
	carried = true
	add := func() error {
		more, ok, err := p.one(c)
		cases, carried = append(cases, more...), carried && ok
		return err
	}
	if !c.take("{") {
		err := add()
		return cases, carried, err
	}
	for {
		if err := add(); err != nil {
			return nil, false, err
		}
		if !c.take(",") {
			return cases, carried, c.want("}", "behind the filters")
		}
	}
}

// one reads an action, or a condition with an action behind it.
func (p *parser) one(c *cursor) ([]Case, bool, error) {
	if !strings.HasPrefix(c.peek(), "arg") {
		answer, ok, err := p.action(c)
		return []Case{{Answer: answer}}, ok, err
	}
	at := c.pos()
	or, err := p.or(c)
	if err != nil {
		return nil, false, err
	}
	if !c.take(";") {
		if p.deny {
			return nil, false, exchange.Errorf(at, "with @denylist every line has a return")
		}
		return []Case{{or, bpf.RetAllow}}, true, nil
	}
	answer, ok, err := p.action(c)
	if !p.said {
		p.said = true
		how := "libminijail reads it: the call is allowed where the condition holds, and answered so elsewhere"
		if p.second {
			how = "compile_seccomp_policy.py reads it: the call is answered so where the condition holds"
		}
		p.note(at, "a condition with an action behind it is read as %s", how)
	}
	if p.second {
		return []Case{{or, answer}}, ok, err
	}
	return []Case{{or, bpf.RetAllow}, {Answer: answer}}, ok, err
}

// action reads what is answered. It is false for what a policy cannot answer.
func (p *parser) action(c *cursor) (answer uint32, carried bool, err error) {
	at := c.pos()
	t := c.next()
	if p.deny && t.text != "return" {
		return 0, false, exchange.Errorf(at, "with @denylist every line has a return")
	}
	switch t.text {
	case "1", "allow":
		return bpf.RetAllow, true, nil
	case "kill-process":
		return bpf.RetKillProcess, true, nil
	case "kill", "kill-thread":
		return bpf.RetKillThread, true, nil
	case "trap":
		return bpf.RetTrap, true, nil
	case "log", "trace", "user-notify":
		p.note(at, "the action %s is not carried: a policy has none like it, so the call gets what no line is about", t.text)
		return 0, false, nil
	case "return":
		if c.peek() == "" { // as in libminijail
			return bpf.RetKillThread, true, nil
		}
		n, err := p.errno(c)
		return bpf.RetErrno | uint32(n), true, err
	case "":
		return 0, false, exchange.Errorf(at, "there is nothing behind the colon")
	}
	return 0, false, exchange.Errorf(at,
		"%q is neither a condition, such as arg0 == 1, nor an action: 1, allow, return ERRNO, kill-process, kill-thread, trap", t.text)
}

// maxAtoms bounds a condition.
const maxAtoms = 512

// or reads conditions with || and && between them.
func (p *parser) or(c *cursor) (or [][]Atom, err error) {
	for n := 0; ; {
		var and []Atom
		for {
			a, err := p.atom(c)
			if err != nil {
				return nil, err
			}
			if n++; n > maxAtoms {
				return nil, exchange.Errorf(c.pos(), "more than %d comparisons in one condition", maxAtoms)
			}
			and = append(and, a)
			if !c.take("&&") {
				break
			}
		}
		or = append(or, and)
		if !c.take("||") {
			return or, nil
		}
	}
}

func (p *parser) atom(c *cursor) (Atom, error) {
	at := c.pos()
	arg := c.next()
	i, err := strconv.ParseUint(strings.TrimPrefix(arg.text, "arg"), 10, 8)
	if !strings.HasPrefix(arg.text, "arg") || err != nil || i > 5 {
		return Atom{}, exchange.Errorf(at, "%q is no argument; there are arg0 to arg5", arg.text)
	}
	op := c.next()
	switch op.text {
	case "==", "!=", "<", "<=", ">", ">=", "&", "in":
	default:
		return Atom{}, exchange.Errorf(p.source.At(op.at), "%q is no operator; there are ==, !=, <, <=, >, >=, & and in", op.text)
	}
	v, err := p.constant(c, 0)
	return Atom{int(i), op.text, v}, err
}
