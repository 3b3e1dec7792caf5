package policy

import (
	"slices"
	"testing"
)

func TestRoots(t *testing.T) {
	for name, c := range map[string]struct {
		places   []string
		includes [][]string
		want     []int
	}{
		"none":                    {nil, nil, nil},
		"nothing is included":     {[]string{"/a", "/b"}, [][]string{nil, nil}, []int{0, 1}},
		"one is a part":           {[]string{"/base", "/web"}, [][]string{nil, {"/base"}}, []int{1}},
		"a part of two":           {[]string{"/a", "/base", "/b"}, [][]string{{"/base"}, nil, {"/base"}}, []int{0, 2}},
		"a part of a part":        {[]string{"/x", "/y", "/z"}, [][]string{nil, {"/x"}, {"/y", "/x"}}, []int{2}},
		"something else":          {[]string{"/a"}, [][]string{{"/base"}}, []int{0}},
		"itself":                  {[]string{"/a", "/b"}, [][]string{{"/a"}, nil}, []int{0, 1}},
		"each other":              {[]string{"/a", "/b"}, [][]string{{"/b", "/a"}, {"/a", "/b"}}, []int{0}},
		"each other, and another": {[]string{"/a", "/b", "/c"}, [][]string{{"/b", "/a"}, {"/a", "/b"}, nil}, []int{0, 2}},
		"a part of each other":    {[]string{"/a", "/b", "/c"}, [][]string{{"/b", "/a"}, {"/a", "/b"}, {"/a", "/b"}}, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Roots(c.places, c.includes); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
