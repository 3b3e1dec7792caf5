package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"strings"
)

const unixModule = "golang.org/x/sys"

// call is a system call of one architecture.
type call struct {
	name string
	nr   uint32
}

// source is where the numbers are read from.
type source struct {
	version string // of golang.org/x/sys
	dir     string
}

func findSource() (source, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}\n{{.Dir}}", unixModule).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return source{}, fmt.Errorf("go list -m %s: %w", unixModule, err)
	}
	version, dir, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if dir == "" {
		return source{}, fmt.Errorf("the source of %s %s is not here: run go mod download", unixModule, version)
	}
	return source{version: version, dir: dir}, nil
}

// notCalls are SYS_ constants that stand for no call: the first number of a range kept for architectures, and a mask of ARM.
var notCalls = map[string]bool{"SYS_ARCH_SPECIFIC_SYSCALL": true, "SYS_SYSCALL_MASK": true}

// calls returns the system calls of an architecture, sorted by number.
func (s source) calls(goarch string) ([]call, error) {
	path := filepath.Join(s.dir, "unix", "zsysnum_linux_"+goarch+".go")
	return parseCalls(path, nil)
}

// parseCalls reads the SYS_ constants of one Go file; src is as for [parser.ParseFile].
func parseCalls(path string, src any) ([]call, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, path, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	pkg, err := new(types.Config).Check("unix", fset, []*ast.File{parsed}, nil)
	if err != nil {
		return nil, err
	}
	var calls []call
	for _, name := range pkg.Scope().Names() {
		c, isConst := pkg.Scope().Lookup(name).(*types.Const)
		short, isCall := strings.CutPrefix(name, "SYS_")
		if !isConst || !isCall || notCalls[name] {
			continue
		}
		nr, exact := uint64(0), false
		if c.Val().Kind() == constant.Int {
			nr, exact = constant.Uint64Val(c.Val())
		}
		if !exact || nr >= 1<<16 {
			return nil, fmt.Errorf("%s: %s is %s, which is no number of a system call", path, name, c.Val())
		}
		calls = append(calls, call{name: strings.ToLower(short), nr: uint32(nr)})
	}
	if err := sortCalls(path, calls); err != nil {
		return nil, err
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("%s: no SYS_ constants", path)
	}
	return calls, nil
}
