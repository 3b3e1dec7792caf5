package derive

import (
	"fmt"
	"io"
	"path"
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

// dropped prints what could be left out, and what would have to be changed for it.
func (r *Report) dropped(b *strings.Builder) {
	var unreached, unseen []string
	for _, c := range r.Calls {
		switch {
		case !c.Reachable:
			unreached = append(unreached, c.Name)
		case r.Observed && c.Observed == 0:
			unseen = append(unseen, c.Name)
		}
	}
	if len(unreached) > 0 {
		fmt.Fprint(b, "\nCould be dropped: declared, and nothing reaches it\n")
		wrap(b, unreached)
		t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, k := range r.Takers {
			if k.Reachable < k.Operations {
				fmt.Fprintf(t, "  %s\ttakes %s:\t%d of its %s are called\t%s\n", k.Function, k.Type, k.Reachable, count(k.Operations, "operation"), k.Where)
			}
		}
		_ = t.Flush()
	}
	if len(unseen) > 0 {
		fmt.Fprint(b, "\nCould be dropped if the recording has everything that the program is for: reachable, and not observed\n")
		wrap(b, unseen)
	}
}

// WriteYAML prints a profile for a policy that allows what follows from a basis. Errors: as Allow.
func (r *Report) WriteYAML(w io.Writer, basis Basis) error {
	list, err := r.Allow(basis)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# What is %s in %s, linux/%s. A module takes it with `extends: %s`.\n", basis, r.Package, r.Arch, profileName(r.Package))
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "# Not seen: %s\n", n)
	}
	fmt.Fprintf(&b, "profiles:\n  %s:\n    seccomp:\n      architectures: [native]\n      default: errno ENOSYS\n      denied: errno EPERM\n      allow:\n",
		profileName(r.Package))
	for _, part := range []struct {
		title string
		names []string
	}{{"posix.Core", list.Core}, {"the Go runtime", list.Runtime}, {"libraries, without posix.Core", list.Libraries}} {
		if len(part.names) == 0 {
			continue
		}
		fmt.Fprintf(&b, "        # %s\n", part.title)
		for names := part.names; len(names) > 0; {
			n := min(8, len(names))
			fmt.Fprintf(&b, "        - [%s]\n", strings.Join(names[:n], ", "))
			names = names[n:]
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// profileName makes a name for a policy of a package's path.
func profileName(pkg string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return '-'
	}, path.Base(pkg))
	return strings.Trim(name, "-")
}
