package derive

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// WriteYAML prints a profile for a policy that allows what follows from a basis. Errors: as Allow.
func (r *Report) WriteYAML(w io.Writer, basis Basis) error {
	list, err := r.Allow(basis)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# What is %s in %s, linux/%s. A module takes it with `extends: %s`.\n", basis, r.Package, r.Arch, profileName(r.Package))
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "# Not seen: %s\n", n)
	}
	fmt.Fprintf(&b, "profiles:\n  %s:\n    seccomp:\n      architectures: [native]\n", profileName(r.Package))
	fmt.Fprint(&b, "      default: errno ENOSYS\n      denied: errno EPERM\n      allow:\n")
	for _, part := range []struct {
		title string
		names []string
	}{{"posix.Core", list.Core}, {"the Go runtime", list.Runtime}, {"libraries, without posix.Core", list.Libraries}} {
		if len(part.names) == 0 {
			continue
		}
		fmt.Fprintf(&b, "        # %s\n", part.title)
		for names := part.names; len(names) > 0; {
			n := min(8, len(names))
			fmt.Fprintf(&b, "        - [%s]\n", strings.Join(names[:n], ", "))
			names = names[n:]
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// profileName makes a name for a policy of a package's path.
func profileName(pkg string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return '-'
	}, path.Base(pkg))
	return strings.Trim(name, "-")
}
