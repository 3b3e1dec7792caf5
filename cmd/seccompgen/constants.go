package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// constants is the value of each constant on each architecture that has it.
type constants map[string]map[string]uint64

// readConstants returns the kernel's constants, those of golang.org/x/sys that its headers for programs lack, and above both what
// is written by hand.
func readConstants(s source) (all constants, origins []string, err error) {
	all, err = s.constants()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"constants.txt", "constants-byhand.txt"} {
		in, err := readInput(name)
		if err != nil {
			return nil, nil, err
		}
		origins = append(origins, in.origin)
		found, err := in.constants()
		if err != nil {
			return nil, nil, err
		}
		for name, of := range found {
			// A name that the headers of one architecture have is the kernel's on all: x/sys gives what a C library makes of it.
			all[name] = of
		}
	}
	return all, origins, nil
}

// constants reads lines "NAME VALUE" and "NAME ARCHITECTURE=VALUE …".
func (in input) constants() (constants, error) {
	out := constants{}
	for _, l := range in.lines {
		words := strings.Fields(l.text)
		of := map[string]uint64{}
		for _, word := range words[1:] {
			arch, digits, one := strings.Cut(word, "=")
			if !one {
				arch, digits = "", word
			}
			v, err := strconv.ParseUint(digits, 0, 64)
			if err != nil || one != (arch != "") {
				return nil, fmt.Errorf("%s:%d: %q is no value", in.name, l.number, word)
			}
			for _, a := range architectures {
				if arch == "" || arch == a.name {
					of[a.name] = v
				}
			}
		}
		if len(of) == 0 || out[words[0]] != nil {
			return nil, fmt.Errorf("%s:%d: %s has no value, or is there twice", in.name, l.number, words[0])
		}
		out[words[0]] = of
	}
	return out, nil
}

// constantName is a constant of C; the lower case ones of golang.org/x/sys are its own.
var constantName = regexp.MustCompile(`^[A-Z][A-Z0-9]*_?[A-Za-z0-9_]*$`)

// constants returns the constants of golang.org/x/sys. x32 has those of amd64, as a program of x32 is compiled with its headers.
func (s source) constants() (constants, error) {
	all := constants{}
	for _, a := range architectures {
		goarch := a.goarch
		if goarch == "" {
			goarch = "amd64"
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, file := range []string{"zerrors_linux.go", "zerrors_linux_" + goarch + ".go"} {
			parsed, err := parser.ParseFile(fset, filepath.Join(s.dir, "unix", file), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, parsed)
		}
		// The errors are about package syscall, which is not read: its types are those of errors and signals.
		config := types.Config{Error: func(error) {}}
		pkg, _ := config.Check("unix", fset, files, nil)
		for _, name := range pkg.Scope().Names() {
			c, is := pkg.Scope().Lookup(name).(*types.Const)
			if !is || c.Val().Kind() != constant.Int || !constantName.MatchString(name) || dropped.MatchString(name) {
				continue
			}
			v, exact := constant.Uint64Val(c.Val())
			if n, small := constant.Int64Val(c.Val()); !exact && small {
				v = uint64(n)
			} else if !exact {
				return nil, fmt.Errorf("%s is %s, which has more than 64 bits", name, c.Val())
			}
			if all[name] == nil {
				all[name] = map[string]uint64{}
			}
			all[name][a.name] = v
		}
	}
	if len(all) < 1000 {
		return nil, fmt.Errorf("golang.org/x/sys has only %d constants", len(all))
	}
	return all, nil
}
