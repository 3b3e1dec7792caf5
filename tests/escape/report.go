package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is what came of one run.
type report struct {
	Who    string  `json:"who"`
	Kernel string  `json:"kernel"`
	Rows   []entry `json:"rows"`
}

// entry is what came of one attack.
type entry struct {
	Name    string `json:"name"`
	Family  string `json:"family"`
	Layer   string `json:"layer"`
	Policy  string `json:"policy"`
	Outside string `json:"outside"`
	Inside  string `json:"inside,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Want    string `json:"want"`
	Opened  string `json:"opened,omitempty"` // what came of it with the layer open
	NA      string `json:"na,omitempty"`     // why it does not count
}

func (e entry) counts() bool { return e.NA == "" }

func (e entry) blocked() bool { return e.Inside == e.Want && (e.Opened == "" || e.Opened == "ok") }

func (s *stage) all(list []attack) *report {
	r := &report{Who: way(), Kernel: kernelRelease()}
	for i := range list {
		r.Rows = append(r.Rows, s.one(&list[i]))
	}
	return r
}

// one makes an attack outside, inside, and where its layer is open.
func (s *stage) one(a *attack) entry {
	e := entry{Name: a.name, Family: a.family, Layer: a.layer, Policy: a.policy, Want: a.want}
	if !isRoot() && a.user != "" {
		e.Want = a.user
	}
	if a.rootOnly != "" && !isRoot() {
		e.Outside, e.NA = "-", a.rootOnly
		return e
	}
	if have := landlockVersion(); have < a.landlock {
		e.Outside, e.NA = "-", fmt.Sprintf("the layer takes version %d of Landlock: landlock_create_ruleset(2) says %d", a.landlock, have)
		return e
	}
	out := s.outside(a)
	if e.Outside = out.answer; out.answer != "ok" {
		e.NA = strings.TrimSpace("outside it is answered with " + out.answer + " " + out.detail)
		if a.fact != nil {
			if why := a.fact(); why != "" {
				e.NA += ": " + why
			}
		}
		return e
	}
	under := s.under
	if a.resident {
		under = s.underResident
	}
	in := under(a, a.policy)
	e.Inside, e.Detail = in.answer, in.detail
	if a.opens != "" {
		opened := s.under(a, a.opens)
		if e.Opened = opened.answer; opened.answer != "ok" {
			e.Detail += fmt.Sprintf("; with the layer open (%s) it gives %s %s", a.opens, opened.answer, opened.detail)
		}
	}
	return e
}

// showFiles shows what runs have printed that were asked for a report, on another machine perhaps.
func showFiles(out io.Writer, files []string) (int, error) {
	var runs []*report
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return 1, err
		}
		r := &report{}
		if err := json.Unmarshal(text, r); err != nil {
			return 1, fmt.Errorf("%s holds no results, the run came to no end: %w", name, err)
		}
		runs = append(runs, r)
	}
	if show(out, runs) {
		return 0, nil
	}
	return 1, nil
}

// show prints the table and the figures; whether all is blocked.
func show(out io.Writer, runs []*report) bool {
	for _, r := range runs {
		fmt.Fprintf(out, "as %s on Linux %s\n", r.Who, r.Kernel)
		w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ATTACK\tFAMILY\tOUTSIDE\tINSIDE\tPOLICY\tLAYER\tLAYER OPEN\t")
		for _, e := range r.Rows {
			if !e.counts() {
				continue
			}
			remark := ""
			if !e.blocked() {
				remark = fmt.Sprintf("NOT BLOCKED, want %s: %s", e.Want, e.Detail)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Family, e.Outside, e.Inside, e.Policy, e.Layer, dash(e.Opened), remark)
		}
		w.Flush()
		fmt.Fprintln(out)
	}
	total, blocked, na, proved := count(runs)
	for _, r := range runs {
		for _, e := range r.Rows {
			if !e.counts() {
				fmt.Fprintf(out, "not counted as %s: %s (%s): %s\n", r.Who, e.Name, e.Family, e.NA)
			}
		}
	}
	fmt.Fprintf(out, "figure: attacks_total %d\nfigure: attacks_blocked %d\nfigure: attacks_na %d\nfigure: attacks_layer_proved %d\n", total, blocked, na, proved)
	return total == blocked && total > 0
}

// count counts each attack once. It is blocked when it is in every run in which it counts; proved are those that succeed where the layer is open.
func count(runs []*report) (total, blocked, na, proved int) {
	var names []string
	counted, through, opened := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range runs {
		for _, e := range r.Rows {
			if !slices.Contains(names, e.Name) {
				names = append(names, e.Name)
			}
			counted[e.Name] = counted[e.Name] || e.counts()
			through[e.Name] = through[e.Name] || e.counts() && !e.blocked()
			opened[e.Name] = opened[e.Name] || e.counts() && e.Opened == "ok"
		}
	}
	for _, name := range names {
		switch {
		case !counted[name]:
			na++
		case through[name]:
			total++
		default:
			total++
			blocked++
		}
		if opened[name] {
			proved++
		}
	}
	return total, blocked, na, proved
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
