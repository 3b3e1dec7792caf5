package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	docker "github.com/moby/profiles/seccomp"

	"github.com/bulkhead/bulkhead/core/policy/oci"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// section is what a module's filter is made of, for some architectures.
type section struct {
	name     string
	seccomp  policy.Seccomp
	decision *seccomp.Decision
	own      *seccomp.Filter
}

func newSection(name string, s policy.Seccomp) (section, error) {
	d, err := seccomp.Resolve(s)
	if err != nil {
		return section{}, fmt.Errorf("%s: %w", name, err)
	}
	own, err := seccomp.Emit(d)
	if err != nil {
		return section{}, fmt.Errorf("%s: %w", name, err)
	}
	return section{name, s, d, own}, nil
}

// program returns the instructions of our filter.
func (s section) program() bpf.Program {
	p, err := bpf.Decode(s.own.Program)
	if err != nil {
		panic(err) // it was decoded when it was proved
	}
	return p
}

// repository returns the sections of all valid policies below a directory, each module as it is written and, where it names no call that they lack,
// on every other architecture; and of Docker's default profile. Policies that are broken on purpose are not among them.
func repository(root string) (all []section, err error) {
	seen := map[string]bool{} // by what is answered: policies often mean the same
	files := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "broken"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".yaml":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, a := range seccomp.Arches() {
			for _, s := range sectionsOn(a, path, text) {
				if !seen[s.decision.Key()] {
					seen[s.decision.Key()] = true
					all = append(all, s)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if files < 5 {
		return nil, fmt.Errorf("only %d policies below %s: is it the repository?", files, root)
	}
	for _, arches := range [][]seccomp.Arch{nil, {seccomp.Native()}} {
		s, err := dockerSection(arches...)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// sectionsOn returns the sections of a policy's modules on an architecture; none when it is no policy there.
func sectionsOn(a seccomp.Arch, path string, text []byte) (out []section) {
	pol, ds := policy.Parse(path, text, policy.Options{Catalog: a.Catalog(), Dir: "/", Variables: map[string]string{"POLICY_DIR": "/"}})
	if pol == nil || ds.HasErrors() {
		return nil
	}
	for _, m := range pol.Modules {
		of, name := m.Seccomp, path+" "+m.Name
		if a != seccomp.Native() {
			of.Architectures = []policy.Value[string]{{V: a.Name()}}
			name += " on " + a.Name()
		}
		if s, err := newSection(name, of); err == nil {
			out = append(out, s)
		}
	}
	return out
}

// dockerSection returns Docker's default profile as a section, on the architectures that it opens on this one or on those given.
func dockerSection(arches ...seccomp.Arch) (section, error) {
	text, err := json.Marshal(docker.DefaultProfile())
	if err != nil {
		return section{}, err
	}
	profile, err := oci.Parse(text, oci.Options{})
	if err != nil {
		return section{}, err
	}
	if len(arches) > 0 {
		profile.Arches = arches
	}
	source, _ := profile.Policy(oci.PolicyOptions{}) // what a policy does not say is about kernels and containers
	pol, err := parse("docker.yaml", string(source))
	if err != nil {
		return section{}, err
	}
	s := pol.Modules[0].Seccomp
	return newSection(fmt.Sprintf("Docker's default profile on %v", profile.Arches), s)
}

// groupSection returns the section that allows a group.
func groupSection(group string) (section, error) {
	text := "version: 1\nmodules: {m: {command: [/bin/true], user: nobody, filesystem: [{path: /usr, access: rx}], seccomp: {allow: [%q]}}}\n"
	pol, err := parse("group.yaml", fmt.Sprintf(text, group))
	if err != nil {
		return section{}, err
	}
	return newSection(group, pol.Modules[0].Seccomp)
}
