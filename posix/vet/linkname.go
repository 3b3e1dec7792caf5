package vet

import (
	"go/ast"
	"strings"
)

// linknames reports directives that reach for a function which the table knows, and any that reaches into the runtime, of
// which nobody can tell.
func (c *checker) linknames(f *ast.File) {
	for _, group := range f.Comments {
		for _, comment := range group.List {
			fields := strings.Fields(comment.Text)
			if len(fields) != 3 || fields[0] != "//go:linkname" {
				continue
			}
			remote := fields[2]
			dot := strings.LastIndexByte(remote, '/') + 1
			path, name, _ := strings.Cut(remote[dot:], ".")
			path = remote[:dot] + path
			if path == "runtime" || strings.HasPrefix(path, "runtime/") || strings.HasPrefix(path, "internal/") || mentions(path, methodName(name)) {
				c.use(comment.Pos(), remote, "go:linkname reaches for "+remote+", which may make system calls outside of posix.Core",
					advice(path, name))
			}
		}
	}
}

// methodName makes "Type.Method" of the linker's "(*Type).Method".
func methodName(s string) string {
	return strings.NewReplacer("(*", "", ")", "").Replace(s)
}
