package policy

import (
	"strings"
	"time"
)

// Acceptance is a finding of the audit that the author takes on. Whether it has ended is for the audit to say.
type Acceptance struct {
	Rule   string // such as "C08"
	Reason string
	Until  time.Time // a day, at midnight UTC; the last one is the day before
	Pos    Pos
}

// accept reads the findings that a module's author takes on.
func (d *decoder) accept(n *node) []Acceptance {
	var list []Acceptance
	first := map[string]Pos{}
	for _, item := range d.list(n, `a list such as [{rule: C08, reason: "…", until: 2027-01-01}]`) {
		f, ok := d.fields(item, "an entry of accept", `a map such as {rule: C08, reason: "…", until: 2027-01-01}`, "rule", "reason", "until")
		if !ok {
			continue
		}
		a := Acceptance{Pos: item.pos}
		if v := f.need("rule", item.span, "the entry", "rule: C08, the id that the audit prints"); v != nil {
			a.Rule = d.auditRule(v)
		}
		if v := f.need("reason", item.span, "the entry", `reason: "why this is no problem here"`); v != nil {
			if s, ok := d.text(v, "a sentence"); ok && strings.TrimSpace(s) == "" {
				d.report(codeMalformed, v.span, "the reason is empty").help("say why the finding is no problem here")
			} else {
				a.Reason = s
			}
		}
		if v := f.need("until", item.span, "the entry", "until: 2027-01-01, the day when it is looked at again"); v != nil {
			a.Until = d.date(v)
		}
		if earlier, twice := first[a.Rule]; twice && a.Rule != "" {
			d.twice(item.span, "rule "+a.Rule, earlier)
			continue
		}
		first[a.Rule] = a.Pos
		list = append(list, a)
	}
	return list
}

// auditRule reads the id of a finding: a letter and digits.
func (d *decoder) auditRule(n *node) string {
	s, ok := d.word(n, "the id of a finding, such as C08")
	if !ok {
		return ""
	}
	if len(s) < 2 || len(s) > 8 || s[0] < 'A' || s[0] > 'Z' || !digits(s[1:]) {
		g := d.report(codeMalformed, n.span, "%q is not the id of a finding", s).help("write what the audit prints, such as C08")
		if upper := strings.ToUpper(s); upper != s && len(s) > 1 && digits(upper[1:]) {
			g.hint(didYouMean(upper))
		}
		return ""
	}
	return s
}

// date reads a day such as 2027-01-01.
func (d *decoder) date(n *node) time.Time {
	s, ok := d.word(n, "a date such as 2027-01-01")
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, s)
	if err == nil {
		return day
	}
	g := d.report(codeMalformed, n.span, "%q is not a date", s).help("write year, month and day: 2027-01-31")
	for _, form := range []string{"2006/01/02", "02.01.2006", "2006-1-2", "20060102", time.RFC3339, "2006-01-02 15:04:05"} {
		if day, err := time.Parse(form, s); err == nil {
			g.hint(didYouMean(day.Format(time.DateOnly)))
			break
		}
	}
	return time.Time{}
}
