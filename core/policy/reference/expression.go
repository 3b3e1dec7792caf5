package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// operator is an operator of expressions with an example; those with one level bind alike.
type operator struct {
	level         int // 1 is the loosest
	sign, means   string
	call, example string // the example is a condition on the call
}

func operators() []operator {
	return []operator{
		{1, "||", "one of them holds", "socket", "family == AF_UNIX || family == AF_INET"},
		{2, "&&", "both hold", "socket", "family == AF_INET && protocol == IPPROTO_TCP"},
		{3, "|", "constants joined", "openat", "(flags & (O_CREAT|O_TRUNC)) == 0"},
		{4, "&", "the bits that both have; where a condition belongs, that there is one", "openat", "!(flags & O_CREAT)"},
		{5, "==", "equal", "socket", "(type & SOCK_TYPE_MASK) == SOCK_STREAM"},
		{5, "!=", "not equal", "ioctl", "cmd != TIOCSTI"},
		{6, "<", "less", "mmap", "len < 0x40000000"},
		{6, "<=", "less or equal", "listen", "backlog <= 128"},
		{6, ">", "greater", "lseek", "offset > -1"},
		{6, ">=", "greater or equal", "kill", "pid >= 1"},
		{6, "in", "one of the values, or in one of the ranges, whose ends belong to them", "prctl", "option in [PR_SET_NAME, 3..5]"},
		{6, "has", "has all of the bits", "mmap", "flags has (MAP_PRIVATE|MAP_ANONYMOUS)"},
		{7, "!", "does not hold", "clone", "!(clone_flags & CLONE_NEWUSER)"},
		{7, "~", "the other bits of a constant", "fcntl", "(arg & ~O_NONBLOCK) == 0"},
		{7, "-", "a negative number", "openat", "dfd == -100"},
		{8, "( )", "what belongs together", "mmap", "(prot & PROT_EXEC) == 0"},
		{8, "raw64( )", "the whole register, 64 bits without a sign; the audit flags it", "ioctl", "raw64(cmd) == TCGETS"},
	}
}

const grammar = `
An expression is a condition on the arguments of one call, in quotes:

` + "```" + `
condition  = condition "||" condition | condition "&&" condition | "!" condition | "(" condition ")" | comparison | value
comparison = value ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value | value "in" "[" item { "," item } "]" | value "has" value
item       = value [ ".." value ]
value      = value "&" value | value "|" value | "~" value | "-" value | "(" value ")" | "raw64" "(" argument ")" | argument | constant | number
number     = decimal | "0x" hexadecimal | "0b" binary
` + "```" + `

A value where a condition belongs means that it is not 0. At least one side of a comparison is an argument, alone or with ` + "`&`" + `; the
other one is constant. An argument goes by its name in the kernel's prototype, which ` + "`supervisor policy explain FILE CALL`" + ` shows, a
constant by its name in C.

The operators and their precedence are C's, the loosest first; those of one level are read from the left. What C reads otherwise than it looks,
such as ` + "`flags & O_CREAT == O_CREAT`" + `, is an error that says what was meant. So are conditions that always or never hold.

| level | operator | means | example |
|---|---|---|---|
`

const widths = `
**Types.** A comparison is as wide as the C type of the argument, because that is what the kernel looks at:

| type of the argument | compared |
|---|---|
`

// expressions writes the grammar, the operators, and the types that arguments have.
func expressions(b *strings.Builder, catalog policy.Catalog) {
	b.WriteString("\n## Expressions\n" + grammar)
	for _, o := range operators() {
		fmt.Fprintf(b, "| %d | `%s` | %s | `{call: %s, when: \"%s\"}` |\n", o.level, cell(o.sign), o.means, o.call, cell(o.example))
	}
	b.WriteString(widths)
	for _, t := range argumentTypes(catalog) {
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.Join(t.names, "`, `"), t.compared)
	}
	fmt.Fprintf(b, "\n**Constants.** %d names of C are known, with their values on x86-64; among them those of these families:\n%s\n",
		len(catalog.Constants()), families(catalog.Constants()))
}

// argumentType is what the types of arguments have in common.
type argumentType struct {
	names    []string
	compared string
}

// argumentTypes returns the types that the arguments of the catalog's calls have, by how they are compared.
func argumentTypes(catalog policy.Catalog) []argumentType {
	kind := func(p policy.Param) string {
		switch {
		case p.Pointer:
			return "with `NULL` only: a filter cannot read what it points to"
		case p.Signed:
			return fmt.Sprintf("%d bits, with a sign", p.Width)
		}
		return fmt.Sprintf("%d bits, without a sign", p.Width)
	}
	found := map[string][]string{}
	for call := range catalog.Calls {
		prototype, _ := catalog.Prototype(call)
		for _, p := range prototype.Params {
			name := p.Type
			if strings.HasSuffix(name, "*") {
				name = "… *"
			}
			if k := kind(p); !slices.Contains(found[k], name) {
				found[k] = append(found[k], name)
			}
		}
	}
	var list []argumentType
	for compared, names := range found {
		slices.Sort(names)
		list = append(list, argumentType{names, compared})
	}
	slices.SortFunc(list, func(a, b argumentType) int { return strings.Compare(a.compared, b.compared) })
	return list
}

// familiesShown are the prefixes of constants that rules are mostly about.
var familiesShown = []string{"AF", "SOCK", "IPPROTO", "SOL", "SO", "O", "AT", "F", "PROT", "MAP", "MADV", "MFD", "CLONE", "PR", "PTRACE", "FUTEX", "BPF",
	"PERF", "KEYCTL", "MS", "MSG", "SECCOMP", "LANDLOCK", "SCHED", "PER", "TCP"}

// families counts the constants of the families that are shown.
func families(constants []string) string {
	count := map[string]int{}
	for _, c := range constants {
		prefix, _, _ := strings.Cut(c, "_")
		count[prefix]++
	}
	var parts []string
	for _, f := range familiesShown {
		if count[f] > 0 {
			parts = append(parts, fmt.Sprintf("`%s_…` (%d)", f, count[f]))
		}
	}
	return strings.Join(parts, ", ") + "; signals (`SIGTERM`), and requests of ioctl (`TIOCSTI`)."
}
