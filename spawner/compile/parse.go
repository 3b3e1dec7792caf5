package compile

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// commandLine is the file of positions in what a command line says about a module.
const commandLine = "command line"

// parsed is a policy of a request.
type parsed struct {
	source   Source
	policy   *policy.Policy // nil when there are errors
	findings policy.Diagnostics
	includes []string // files that were read for it, by their places
}

// place is where a file lies: a file that is included is told from one that is named by it.
func place(dir, name string) string { return filepath.Join(dir, filepath.Base(name)) }

// parseAll parses the sources of a request, but for those that another one includes: they are part of that one. What is wrong with a file that
// several include is said once.
func (s *server) parseAll() []parsed {
	all := make([]parsed, len(s.request.Sources))
	places, includes := make([]string, len(all)), make([][]string, len(all))
	for i, src := range s.request.Sources {
		all[i] = s.parse(src)
		places[i], includes[i] = place(src.Dir, src.Name), all[i].includes
	}
	said := map[policy.Diagnostic]bool{}
	var kept []parsed
	for _, i := range policy.Roots(places, includes) {
		f := all[i]
		f.findings = slices.DeleteFunc(f.findings, func(d policy.Diagnostic) bool {
			again := said[d]
			said[d] = true
			return again && d.Pos.File != f.source.Name
		})
		kept = append(kept, f)
	}
	return kept
}

func (s *server) parse(src Source) parsed {
	f := parsed{source: src}
	s.texts[src.Name] = src.Text
	var override *policy.Override
	if text := s.request.Override; len(text) > 0 {
		override = &policy.Override{Module: s.request.Module, File: commandLine, Text: text}
		s.texts[commandLine] = text
	}
	f.policy, f.findings = policy.Parse(src.Name, src.Text, policy.Options{
		Catalog: seccomp.Catalog(), Variables: maps.Clone(s.request.Variables), Dir: src.Dir, Override: override,
		Include: func(path string) (policy.Included, error) {
			a, err := s.ask(askInclude, path)
			if err != nil {
				return policy.Included{}, err
			}
			s.texts[path] = a.Text
			f.includes = append(f.includes, place(a.Dir, path))
			return policy.Included{Text: a.Text, Dir: a.Dir}, nil
		},
	})
	if f.policy == nil {
		return f
	}
	f.findings = append(f.findings, seccomp.Fits(f.policy)...)
	if f.findings.HasErrors() {
		f.policy = nil
	}
	return f
}
