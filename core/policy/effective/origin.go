package effective

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// origins knows which profile a line of a file is in.
type origins map[string][]start

// start is where a profile or what is not one begins.
type start struct {
	line    int
	profile string // "" for what is in none
}

func newOrigins(texts map[string][]byte) origins {
	o := origins{}
	for file, text := range texts {
		tree, _ := policy.ReadTree(file, text)
		if tree == nil {
			continue
		}
		for _, e := range tree.Entries {
			o[file] = append(o[file], start{line: e.Pos.Line})
			if e.Key != "profiles" {
				continue
			}
			for _, p := range e.Value.Entries {
				o[file] = append(o[file], start{p.Pos.Line, p.Key})
			}
		}
		slices.SortStableFunc(o[file], func(a, b start) int { return cmp.Compare(a.line, b.line) })
	}
	return o
}

// of says where a value is written: "web.yaml:14", "profile base, web.yaml:7", or "default" when it is not.
func (o origins) of(pos policy.Pos) string {
	if pos.Line == 0 {
		return "default"
	}
	place, profile := fmt.Sprintf("%s:%d", pos.File, pos.Line), ""
	for _, s := range o[pos.File] {
		if s.line <= pos.Line {
			profile = s.profile
		}
	}
	if profile == "" {
		return place
	}
	return "profile " + profile + ", " + place
}
