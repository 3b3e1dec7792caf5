package program

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

var prepareNames = [...]string{
	HostPath: "open", Tree: "copy mount", Tmpfs: "new tmpfs", CgroupTree: "copy mount of control group",
	CgroupProcs: "open cgroup.procs of", Ruleset: "landlock ruleset", Listener: "listener", Stdio: "standard stream", InitProgram: "init program",
	Socket:      "copy mount of socket",
	InitProcess: "process of the namespace's init", OfInit: "descriptor of the init's program:",
	Seed: "mount namespace with an empty root", Network: "process that makes a network namespace", NetworkMade: "socket that says when it is made",
}

// Describe returns what the spawner makes, in one line.
func (p *Program) Describe(i int) string {
	d := p.Prepare[i]
	text := prepareNames[d.Kind]
	switch d.Kind {
	case Tree:
		text += " of " + p.Prepare[d.From].Path
	case OfInit:
		text += fmt.Sprintf(" <%d>", d.From)
	case Stdio:
		text += [...]string{" stdin", " stdout", " stderr"}[d.From]
	case Ruleset:
		text += fmt.Sprintf(" handling %#x", d.Handled)
		if d.Net != 0 {
			text += fmt.Sprintf(" and denying %#x of the network", d.Net)
		}
		if d.Scoped != 0 {
			text += fmt.Sprintf(" and scoping %#x", d.Scoped)
		}
		for _, r := range d.Ports {
			text += fmt.Sprintf("\n        allow %#x of port %d%s", r.Access, r.Number, p.place(r.Origin))
		}
		for _, r := range d.Rules {
			text += fmt.Sprintf("\n        allow %#x below %s%s", r.Access, p.Describe(r.From), p.place(r.Origin))
		}
	default:
		if d.Path != "" {
			text += " " + d.Path
		}
	}
	for _, o := range d.Options {
		text += " " + o.Key
		if o.Value != "" {
			text += "=" + o.Value
		}
	}
	if names := attrNames(d.Attr); names != "" {
		text += " (" + names + ")"
	}
	return text
}

// leftOut stands before the steps that take capabilities from the bounding set.
const leftOut = "      of PR_CAPBSET_DROP only what the spawner's thread, from which the child has its set, has not dropped once for all launches:\n"

// Explain prints what the spawner prepares and what the child does, each with the line of the policy that asked for it.
func (p *Program) Explain(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the spawner prepares\n", p.Module)
	for i, d := range p.Prepare {
		fmt.Fprintf(&b, "  <%d> %s%s\n", i, p.Describe(i), p.place(d.Origin))
	}
	fmt.Fprintf(&b, "%s: the child does\n", p.Module)
	_, told := p.Bounding()
	for i, s := range p.Steps {
		if _, ok := s.Bounds(); ok && !told {
			told = true
			b.WriteString(leftOut)
		}
		fmt.Fprintf(&b, "  %3d %s%s\n", i+1, s.Text, p.place(s.Origin))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Place returns "file:line" of an origin, or "every module" when no line asked for it.
func (p *Program) Place(o Origin) string {
	if o.Line == 0 {
		return "every module"
	}
	return fmt.Sprintf("%s:%d", cmp.Or(o.File, p.File), o.Line)
}

func (p *Program) place(o Origin) string {
	if o.Line == 0 {
		return ""
	}
	return "   # " + p.Place(o)
}

func attrNames(attr uint64) string {
	var out []string
	for i, name := range [...]string{"ro", "nosuid", "nodev", "noexec"} {
		if attr>>i&1 == 1 {
			out = append(out, name)
		}
	}
	return strings.Join(out, ",")
}
