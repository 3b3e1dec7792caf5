package policy

import "path/filepath"

// maxModules is how many modules a file may have.
const maxModules = 1000

// Options are what a policy is read with.
type Options struct {
	// Catalog has the system calls and the groups that the policy may name.
	Catalog Catalog
	// Variables are the values of ${NAME} in scalars, keyed by name. No other variable is known; $$ is a dollar sign.
	Variables map[string]string
	// Dir is the absolute directory that relative paths start from, and ${POLICY_DIR}; empty means that a relative path is an error.
	Dir string
	// Include returns a file that the policy includes; path is its name joined with the directory of the file that includes it, and is the file
	// of positions in it. Whether the file may be trusted is for Include to check; an error that has a method Help() string says with it what to
	// do. Nil means that nothing can be included.
	Include func(path string) (Included, error)
	// Override is what a command line says about a module; nil is nothing.
	Override *Override
}

// Included is a file that a policy includes.
type Included struct {
	Text []byte
	// Dir is what [Options].Dir is for the file: where it lies once symbolic links are resolved; empty means the directory of its path.
	Dir string
}

// Parse reads the text of one policy file. It reports all errors of the file at once, sorted by position; the
// Policy is nil if and only if one of the findings is an error.
func Parse(file string, text []byte, opt Options) (*Policy, Diagnostics) {
	d := &decoder{opt: opt}
	var p *Policy
	if yaml, ok := readSource(file, text, d); ok {
		if root := d.parseYAML(yaml); root != nil {
			p = d.policy(root)
		}
	}
	ds := d.diags.sorted(file)
	if ds.HasErrors() {
		return nil, ds
	}
	return p, ds
}

// policy reads the top of a file.
func (d *decoder) policy(root *node) *Policy {
	f, ok := d.fields(root, "the policy", "a map with version, listeners, profiles and modules",
		"version", "kernel", "include", "listeners", "profiles", "modules", "tests")
	if !ok {
		return nil
	}
	p := &Policy{File: d.src.file}
	start := d.src.at(root.pos, 1)
	if n := f.need("version", start, "the policy", "version: 1"); n != nil {
		p.Version = d.version(n)
	}
	if n := f.get("kernel"); n != nil {
		p.Kernel = d.kernel(n)
		d.oldest = p.Kernel
	}
	own := d.src.file
	if d.src.dir != "" {
		own = filepath.Join(d.src.dir, filepath.Base(own))
	}
	roots := d.includes(root, []string{own})
	for _, r := range roots {
		for _, key := range []string{"version", "kernel", "include", "listeners", "tests"} {
			if e := r.entry(key); e != nil {
				d.withoutResets(e.value)
			}
		}
	}
	p.Listeners = d.readListeners(d.joined(roots, "listeners"))
	d.readProfiles(d.joined(roots, "profiles"))
	modules := d.joined(roots, "modules")
	if modules == nil {
		if !d.unread {
			g := d.report(codeMissingKey, start, "the policy has no \"modules\"").help("add modules: {NAME: {command: [...], ...}}")
			if len(d.profiles) > 0 {
				g.help("add modules: {NAME: {command: [...], ...}}, or name the policy that includes this file")
			}
		}
		return nil
	}
	d.override = d.readOverride()
	p.Modules = d.modules(modules)
	if n := d.joined(roots, "tests"); n != nil {
		p.Tests = d.tests(n, p.Modules)
	}
	return p
}

// modules reads all modules and what can be said only when all are known.
func (d *decoder) modules(n *node) []Module {
	if n.kind != kindMap || len(n.entries) == 0 {
		if n.kind == kindMap {
			d.report(codeMissingKey, n.span, "there is no module").help("a policy has at least one module")
		} else {
			d.wrongType(n, "a map of modules").help("write modules: {NAME: {command: [...], ...}}")
		}
		return nil
	}
	if len(n.entries) > maxModules {
		d.report(codeTooMuch, n.entries[maxModules].at, "more than %d modules", maxModules)
		return nil
	}
	var modules []Module
	broken := false
	for _, e := range n.entries {
		d.checkName(e.at, "module", e.key)
		if e.value.kind != kindMap {
			d.wrongType(e.value, "a map with command, seccomp, filesystem and more")
			broken = true
			continue
		}
		if d.full() {
			break
		}
		modules = append(modules, d.module(e.key, e.at, d.overridden(e.key, d.merged(e.value), len(n.entries))))
	}
	if !broken { // what a module that cannot be read uses is not known
		d.unusedProfiles()
		d.unusedListeners()
	}
	d.sameUsers(modules)
	return modules
}

// sameUsers warns of modules that run as one user: as root they could send signals to each other.
func (d *decoder) sameUsers(modules []Module) {
	first := map[string]*Module{}
	for i := range modules {
		m := &modules[i]
		if !m.User.Set() {
			continue
		}
		if other := first[m.User.V]; other != nil {
			at := d.src.at(m.Pos, len(m.Name))
			if m.User.Pos != other.User.Pos {
				at = d.src.at(m.User.Pos, len(m.User.V))
			}
			d.report(codeSameUser, at, "modules %q and %q run as the same user %q", other.Name, m.Name, m.User.V).
				help("give each module a user of its own; under root they are protected from each other by it")
			continue
		}
		first[m.User.V] = m
	}
}

// version reads the version of the language.
func (d *decoder) version(n *node) Value[int] {
	if n.kind != kindScalar || n.text != "1" || n.quoted {
		if n.kind == kindScalar && n.plainKind() == plainNumber {
			d.report(codeVersion, n.span, "version %s is not known", n.text).help("this supervisor reads version: 1")
		} else {
			d.wrongType(n, "the number 1").help("write version: 1")
		}
		return Value[int]{}
	}
	return Value[int]{1, n.pos}
}
