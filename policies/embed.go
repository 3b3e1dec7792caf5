// Package policies has the policies that ship with Bulkhead, embedded in the binary.
//
// A policy is known by the path of its file in this folder without the ".yaml": "demo", "nginx", "examples/locked".
//
// # Limits
//
// Only the policies are embedded. What one of them names on the host, such as the configuration of nginx, is not: the
// paths are those of a checkout or an installation.
package policies

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.yaml examples/*.yaml
var files embed.FS

const suffix = ".yaml"

// Open returns the text of the policy with a name. When there is none, the error is an fs.ErrNotExist that lists the names.
func Open(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("open the embedded policy %q: %w; there are: %s", name, fs.ErrNotExist, strings.Join(Names(), ", "))
	}
	text, err := files.ReadFile(name + suffix)
	if err != nil {
		return nil, fmt.Errorf("open the embedded policy %q: %w", name, err)
	}
	return text, nil
}

// Names returns the names of all embedded policies, sorted.
func Names() []string {
	var names []string
	for _, pattern := range [...]string{"*", "examples/*"} {
		matches, err := fs.Glob(files, pattern+suffix)
		if err != nil {
			panic("a pattern of ours is malformed, which is a bug; please report it: " + err.Error())
		}
		for _, m := range matches {
			names = append(names, strings.TrimSuffix(m, suffix))
		}
	}
	slices.Sort(names)
	return names
}
