package derive

import (
	"strings"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
)

// linknames is what //go:linkname says: for a function without a body, the one that is behind its name. Both are "path.name".
type linknames map[string]string

// newLinknames reads the directives of all packages. One that stands with the function without a body pulls, one with the body pushes.
func newLinknames(list []*packages.Package) linknames {
	names := linknames{}
	packages.Visit(list, nil, func(p *packages.Package) {
		for _, f := range p.Syntax {
			for _, group := range f.Comments {
				for _, c := range group.List {
					fields := strings.Fields(c.Text)
					if len(fields) == 3 && fields[0] == "//go:linkname" {
						local := p.PkgPath + "." + fields[1]
						names[local] = fields[2]
						if _, taken := names[fields[2]]; !taken {
							names[fields[2]] = local
						}
					}
				}
			}
		}
	})
	return names
}

// behind returns the function that a call of f enters when f has no body: nil when that is the runtime's, assembly, or unknown.
func (p *Program) behind(f *ssa.Function) *ssa.Function {
	if f.Blocks != nil || f.Pkg == nil {
		return nil
	}
	target, ok := p.links[f.Pkg.Pkg.Path()+"."+f.Name()]
	if !ok {
		return nil
	}
	slash := strings.LastIndexByte(target, '/') + 1
	path, name, _ := strings.Cut(target[slash:], ".")
	pkg := p.prog.ImportedPackage(target[:slash] + path)
	if pkg == nil {
		return nil
	}
	return pkg.Func(name) // methods are not pulled by anything that we know
}
