package derive

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteTable prints a report for people: the three columns, what is made alongside, what could be dropped, and what was not seen.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, linux/%s\n\n", r.Package, r.Arch)
	r.columns(&b)
	r.alongside(&b)
	r.summary(&b)
	r.dropped(&b)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\nnot seen: %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) columns(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CALL\tDECLARED\tREACHABLE\tOBSERVED\tOPERATION\tWHERE")
	for _, c := range r.Calls {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, mark(c.Declared), mark(c.Reachable), r.times(c.Observed), few(c.Operations), c.Where)
	}
	_ = t.Flush() // a strings.Builder takes everything
	trimLines(b)
}

func (r *Report) times(n int) string {
	switch {
	case !r.Observed:
		return "?"
	case n == 0:
		return "-"
	}
	return strconv.Itoa(n)
}

func mark(yes bool) string {
	if yes {
		return "yes"
	}
	return "-"
}

func few(names []string) string {
	const most = 2
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// trimLines takes away the blanks that a table leaves at the ends of its lines.
func trimLines(b *strings.Builder) {
	lines := strings.Split(b.String(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	b.Reset()
	b.WriteString(strings.Join(lines, "\n"))
}

// alongside prints what is made besides posix.Core.
func (r *Report) alongside(b *strings.Builder) {
	fmt.Fprint(b, "\nThe Go runtime makes, whatever the program does\n")
	var names []string
	for _, c := range r.Runtime {
		names = append(names, c.Call)
	}
	wrap(b, names)
	if len(r.Libraries) == 0 {
		return
	}
	fmt.Fprint(b, "\nLibraries make, without posix.Core\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, c := range r.Libraries {
		fmt.Fprintf(t, "  %s\t%s\n", c.Call, c.By)
	}
	_ = t.Flush()
}

// wrap prints names, indented, in lines that fit a terminal.
func wrap(b *strings.Builder, names []string) {
	const width = 100
	line := " "
	for _, n := range names {
		if len(line)+1+len(n) > width {
			fmt.Fprintln(b, line)
			line = " "
		}
		line += " " + n
	}
	fmt.Fprintln(b, line)
}

func (r *Report) summary(b *strings.Builder) {
	var declared, reachable, observed int
	for _, c := range r.Calls {
		if c.Declared {
			declared++
		}
		if c.Reachable {
			reachable++
		}
		if c.Observed > 0 {
			observed++
		}
	}
	fmt.Fprintf(b, "\nOf posix.Core %s declared, %d reachable", count(declared, "call"), reachable)
	if r.Observed {
		fmt.Fprintf(b, ", %d observed", observed)
	}
	list, err := r.Allow(Reachable)
	if err == nil {
		fmt.Fprintf(b, ". An allow-list of what is reachable has %s.\n", count(len(list.All()), "call"))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// dropped prints what could be left out, and what would have to be changed for it. What is made alongside has to be allowed anyway.
func (r *Report) dropped(b *strings.Builder) {
	kept := map[string]bool{}
	for _, c := range slices.Concat(r.Runtime, r.Libraries) {
		kept[c.Call] = true
	}
	var unreached, unseen []string
	for _, c := range r.Calls {
		switch {
		case kept[c.Name]:
		case !c.Reachable:
			unreached = append(unreached, c.Name)
		case r.Observed && c.Observed == 0:
			unseen = append(unseen, c.Name)
		}
	}
	if len(unreached) > 0 {
		fmt.Fprint(b, "\nCould be dropped: declared, and nothing reaches it. Take narrower interfaces\n")
		wrap(b, unreached)
		t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, k := range r.Takers {
			if k.Reachable < k.Operations {
				fmt.Fprintf(t, "  %s\t%d of its %s called\t%s\n", k.Type, k.Reachable, count(k.Operations, "operation"), k.takenBy())
			}
		}
		_ = t.Flush()
	}
	if len(unseen) > 0 {
		fmt.Fprint(b, "\nCould be dropped, if the recording has all that the program is for: reachable, and not observed\n")
		wrap(b, unseen)
	}
}

// takenBy names the function that takes an interface, and says how many more do.
func (k Taker) takenBy() string {
	text := "taken by " + k.Functions[0]
	if n := len(k.Functions) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text + ", " + k.Where
}
