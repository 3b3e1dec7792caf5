package policy

import "golang.org/x/sys/unix"

// namespaceNames are the kinds of namespaces under the names that OCI gives them, in the order they are shown.
var namespaceNames = [...]struct {
	name string
	flag Namespace
}{
	{"user", unix.CLONE_NEWUSER},
	{"mount", unix.CLONE_NEWNS},
	{"pid", unix.CLONE_NEWPID},
	{"ipc", unix.CLONE_NEWIPC},
	{"uts", unix.CLONE_NEWUTS},
	{"cgroup", unix.CLONE_NEWCGROUP},
	{"network", unix.CLONE_NEWNET},
	{"time", unix.CLONE_NEWTIME},
}

// String returns the name that a policy has for a kind of namespace.
func (n Namespace) String() string {
	for _, k := range namespaceNames {
		if k.flag == n {
			return k.name
		}
	}
	return "unknown namespace"
}

// defaultNamespaces are all but user and time.
func defaultNamespaces() []Value[Namespace] {
	var all []Value[Namespace]
	for _, k := range namespaceNames {
		if k.flag != unix.CLONE_NEWUSER && k.flag != unix.CLONE_NEWTIME {
			all = append(all, Value[Namespace]{V: k.flag})
		}
	}
	return all
}

// namespaces reads the list of namespaces of its own that a module has.
func (d *decoder) namespaces(n *node) []Value[Namespace] {
	set := []Value[Namespace]{}
	d.words(n, "namespace", "a list of namespaces", func(item *node, word string) bool {
		names := make([]string, len(namespaceNames))
		for i, k := range namespaceNames {
			if k.name == word {
				set = append(set, Value[Namespace]{k.flag, item.pos})
				return true
			}
			names[i] = k.name
		}
		switch word {
		case "net", "mnt":
			d.report(codeUnknownNamespace, item.span, "unknown namespace %q", word).
				hint(didYouMean(map[string]string{"net": "network", "mnt": "mount"}[word]))
		default:
			d.report(codeUnknownNamespace, item.span, "unknown namespace %q", word).suggest(word, names)
		}
		return false
	})
	return set
}

// has tells whether a module has a namespace of a kind, and where it is written.
func (m *Module) has(kind Namespace) (Value[Namespace], bool) {
	for _, n := range m.Namespaces {
		if n.V == kind {
			return n, true
		}
	}
	return Value[Namespace]{}, false
}
