package systemd

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// File is a unit, or a drop-in: its name ends with .conf, and it lies in the directory web.service.d.
type File struct {
	Name string // a path
	Text []byte
}

// importer makes a policy of units.
type importer struct {
	services, sockets []*unit
	notes             []exchange.Note
	listeners         []listenerYAML
}

// unit is a unit with its drop-ins.
type unit struct {
	name   string // such as "web.service"
	file   string
	list   []*assignment
	parent *importer
}

// Import makes a policy of services and sockets, and tells what of them it does not have, line by line. Drop-ins are read behind their unit, in the
// order of their names, wherever they stand among the files. An error is an [exchange.Errors], with all that is wrong in all files.
func Import(files []File) ([]byte, []exchange.Note, error) {
	im := &importer{}
	if err := im.read(files); err != nil {
		return nil, nil, err
	}
	var modules []*moduleYAML
	for _, s := range im.services {
		modules = append(modules, im.module(s))
	}
	im.unattached()
	for _, u := range slices.Concat(im.services, im.sockets) {
		u.rest()
	}
	text, err := im.text(files, modules)
	return text, exchange.Sorted(im.notes), err
}

func (im *importer) note(pos policy.Pos, format string, args ...any) {
	im.notes = append(im.notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

// read sorts files into units with their drop-ins.
func (im *importer) read(files []File) error {
	var errs exchange.Errors
	at := func(file string) policy.Pos { return policy.Pos{File: file, Line: 1, Col: 1} }
	var dropins []File
	units := map[string]*unit{}
	for _, f := range files {
		name := path.Base(f.Name)
		switch path.Ext(name) {
		case ".conf":
			dropins = append(dropins, f)
			continue
		case ".service", ".socket":
		default:
			errs = append(errs, exchange.Errorf(at(f.Name), "the name ends with none of .service, .socket and .conf, so it is not known what the file is"))
			continue
		}
		if units[name] != nil {
			errs = append(errs, exchange.Errorf(at(f.Name), "%s comes twice", name))
			continue
		}
		list, wrong := parseUnit(f.Name, f.Text)
		errs = append(errs, wrong...)
		u := &unit{name, f.Name, list, im}
		units[name] = u
		if path.Ext(name) == ".service" {
			im.services = append(im.services, u)
		} else {
			im.sockets = append(im.sockets, u)
		}
	}
	slices.SortStableFunc(dropins, func(a, b File) int { return strings.Compare(path.Base(a.Name), path.Base(b.Name)) })
	for _, f := range dropins {
		owner := strings.TrimSuffix(path.Base(path.Dir(f.Name)), ".d")
		u := units[owner]
		if u == nil && len(im.services) == 1 && !strings.HasSuffix(path.Dir(f.Name), ".d") {
			u = im.services[0]
		}
		if u == nil {
			errs = append(errs, exchange.Errorf(at(f.Name),
				"a drop-in lies in a directory with the name of its unit, such as web.service.d; there is no unit %q", owner))
			continue
		}
		list, wrong := parseUnit(f.Name, f.Text)
		errs = append(errs, wrong...)
		u.list = append(u.list, list...)
	}
	if len(im.services) == 0 && len(errs) == 0 {
		errs = append(errs, exchange.Error{Text: "there is no .service among the files"})
	}
	return errs.Err()
}

// scalar returns what a directive is set to in the end, nil when it is not set or was set to nothing.
func (u *unit) scalar(section, key string) *assignment {
	var last *assignment
	for _, a := range u.list {
		if a.section == section && a.key == key {
			a.used = true
			last = a
			if a.value == "" {
				last = nil
			}
		}
	}
	return last
}

// lines returns the assignments of a directive that add up, those behind the last empty one.
func (u *unit) lines(section, key string) []*assignment {
	var out []*assignment
	for _, a := range u.list {
		if a.section == section && a.key == key {
			a.used = true
			out = append(out, a)
			if a.value == "" {
				out = nil
			}
		}
	}
	return out
}

// text returns a value with its specifiers expanded. What cannot be is noted, and then it is false.
func (u *unit) text(a *assignment) (string, bool) {
	if a == nil {
		return "", false
	}
	s, err := specifiers(a.value, u.name)
	if err != nil {
		u.parent.note(a.pos, "%s is not carried: %v", a.key, err)
		return "", false
	}
	return s, true
}

// words returns the words of a directive that adds up, each with its place.
func (u *unit) words(section, key string) []word {
	var out []word
	for _, a := range u.lines(section, key) {
		s, ok := u.text(a)
		if !ok {
			continue
		}
		ws, err := words(s)
		if err != nil {
			u.parent.note(a.pos, "%s is not carried: %v", key, err)
			continue
		}
		for _, w := range ws {
			out = append(out, word{w, a})
		}
	}
	return out
}

// word is a word of a value with the line it stands in.
type word struct {
	text string
	of   *assignment
}

// yes tells whether a directive is set to yes. Another word than yes and no is returned.
func (u *unit) yes(key string) (bool, string, *assignment) {
	a := u.scalar("Service", key)
	if a == nil {
		return false, "", nil
	}
	v, ok := boolean(a.value)
	if !ok {
		return false, a.value, a
	}
	return v, "", a
}

// flag is yes for a directive that has no other words.
func (u *unit) flag(key string) bool {
	v, other, a := u.yes(key)
	if other != "" {
		u.parent.note(a.pos, "%s=%s is not carried: it is neither yes nor no", key, short(other))
	}
	return v
}

// rest notes the directives that nobody asked for.
func (u *unit) rest() {
	for _, a := range u.list {
		switch {
		case a.used || a.value == "":
		case a.key == "Description" || a.key == "Documentation" || a.section == "Install" || strings.HasPrefix(a.section, "X-") || strings.HasPrefix(a.key,
			"X-"):
		default:
			u.parent.note(a.pos, "%s is not carried: a policy has nothing like it", short(a.key))
		}
	}
}

// text puts the policy together and reads it back.
func (im *importer) text(files []File, modules []*moduleYAML) ([]byte, error) {
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	for {
		var b strings.Builder
		b.WriteString(exchange.Comment("", "Made of "+strings.Join(names, ", ")+"."))
		for _, n := range exchange.Sorted(im.notes) {
			b.WriteString(exchange.Comment("", "not carried: "+n.String()))
		}
		b.WriteString("version: 1\n")
		im.writeListeners(&b)
		b.WriteString("\nmodules:\n")
		for _, m := range modules {
			m.write(&b)
		}
		text := []byte(b.String())
		p, findings := policy.Parse("made.yaml", text, policy.Options{Catalog: seccomp.Catalog()})
		if p != nil {
			return text, nil
		}
		again := false
		for _, m := range modules {
			for _, d := range m.seccomp.Drop(text, findings) {
				again = true
				im.note(m.pos, "a rule for %s is not carried (%s): %s", d.Rule.Call, d.Rule.Comment, d.Why)
			}
		}
		if !again {
			return text, fmt.Errorf("the policy that is made of %s is refused: %w", strings.Join(names, ", "), findings.Err())
		}
	}
}
