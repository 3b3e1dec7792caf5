package filter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// expression writes terms, of which one must hold, as a condition of a policy. It is "" for no condition at all.
func expression(terms []term, p policy.Prototype) (string, error) {
	var or []string
	for _, t := range terms {
		and, err := t.expression(p)
		if err != nil {
			return "", err
		}
		if and == "" {
			return "", nil
		}
		if len(terms) > 1 && strings.Contains(and, "&&") {
			and = "(" + and + ")"
		}
		or = append(or, and)
	}
	return strings.Join(or, " || "), nil
}

func (t term) expression(p policy.Prototype) (string, error) {
	var and []string
	for i, s := range t {
		if s.of == anything {
			continue
		}
		if i >= len(p.Params) {
			return "", fmt.Errorf("argument %d is none of the call's", i)
		}
		part := s.expression(p.Params[i])
		if strings.Contains(part, "||") {
			part = "(" + part + ")"
		}
		and = append(and, part)
	}
	return strings.Join(and, " && "), nil
}

// expression writes a set of a parameter.
func (s set) expression(p policy.Param) string {
	name := p.Name
	if p.Pointer || s.of == register && p.Width == 32 {
		if null := s.null(p); null != "" {
			return null
		}
		name = "raw64(" + name + ")"
		p.Signed, p.Width = false, 64
	}
	switch {
	case s.mask != 0:
		return fmt.Sprintf("(%s & %s) == %s", name, number(s.mask), number(s.value))
	case s.of == lower && p.Width == 64: // the spans are of the lower half, and the parameter is wider
		var or []string
		for _, r := range s.spans {
			or = append(or, within("("+name+" & 0xffffffff)", r, lower.highest()))
		}
		return strings.Join(or, " || ")
	}
	spans := s.spans
	highest := s.of.highest()
	if p.Signed {
		spans = nil
		half := highest/2 + 1
		for _, r := range s.spans {
			if r.low < half && r.high >= half {
				spans = append(spans, span{half, r.high}, span{r.low, half - 1})
			} else {
				spans = append(spans, r)
			}
		}
		return list(name, spans, func(v uint64) string { return signed(v, p.Width) })
	}
	if len(spans) == 1 {
		return within(name, spans[0], highest)
	}
	return list(name, spans, number)
}

// null writes a comparison with NULL, which pointers have.
func (s set) null(p policy.Param) string {
	switch {
	case !p.Pointer || s.mask != 0 || s.of != register || len(s.spans) != 1:
		return ""
	case s.spans[0] == span{0, 0}:
		return p.Name + " == NULL"
	case s.spans[0] == span{1, ^uint64(0)}:
		return p.Name + " != NULL"
	}
	return ""
}

// within writes that a value without a sign is in a span.
func within(name string, r span, highest uint64) string {
	switch {
	case r.low == r.high:
		return name + " == " + number(r.low)
	case r.low == 0:
		return name + " <= " + number(r.high)
	case r.high == highest:
		return name + " >= " + number(r.low)
	}
	return fmt.Sprintf("%s in [%s..%s]", name, number(r.low), number(r.high))
}

// list writes that a value is in one of several spans.
func list(name string, spans []span, write func(uint64) string) string {
	if len(spans) == 1 && spans[0].low == spans[0].high {
		return name + " == " + write(spans[0].low)
	}
	var words []string
	for _, r := range spans {
		if r.low == r.high {
			words = append(words, write(r.low))
		} else {
			words = append(words, write(r.low)+".."+write(r.high))
		}
	}
	return name + " in [" + strings.Join(words, ", ") + "]"
}

func signed(v uint64, width int) string {
	n := int64(v<<(64-width)) >> (64 - width)
	if n < 0 {
		return strconv.FormatInt(n, 10)
	}
	return number(uint64(n))
}

func number(v uint64) string {
	if v < 4096 {
		return strconv.FormatUint(v, 10)
	}
	return "0x" + strconv.FormatUint(v, 16)
}
