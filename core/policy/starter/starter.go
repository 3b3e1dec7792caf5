package starter

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/format"
)

// Facts are what is known of a command. Somebody else looked: this package reads no file.
type Facts struct {
	Path        string   // of the program, absolute
	Target      string   // Path without symbolic links; "" is Path
	Args        []string // its arguments, without its name
	Interpreter string   // of a script: the program after #!, absolute; "" for what is not a script
	// InterpreterArgs stand in a script's first line, InterpreterTarget is the interpreter without symbolic links.
	InterpreterArgs   []string
	InterpreterTarget string
	Loader            string   // PT_INTERP of the program, or of the script's interpreter; "" when that is static
	Libraries         []string // the directories of the shared libraries that it needs, absolute
	User              string   // whom it is to run as; "" for a user of its own that the supervisor chooses
}

// Policy returns a commented policy for a command. An error says which fact cannot be in a policy.
func Policy(f Facts) ([]byte, error) {
	for _, p := range append([]string{f.Path}, f.optional()...) {
		if !path.IsAbs(p) || path.Clean(p) == "/" || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
			return nil, fmt.Errorf("write a policy for %q: %q is not an absolute path that a policy can have", f.Path, p)
		}
	}
	var b strings.Builder
	name := Name(f.Path)
	fmt.Fprintf(&b, "# A policy to start from, for %s, which is %s.\n", printable(f.Path), f.kind())
	d := f.daemon()
	if d.comment != "" {
		fmt.Fprintf(&b, "# %s\n", d.comment)
	}
	b.WriteString("#\n# Try it: supervisor --policy FILE. What it is denied, `strace -f` of the program shows, and `supervisor policy simulate --policy FILE TRACE` says\n" +
		"# what to add. Then see what is left open: supervisor policy audit FILE\n")
	b.WriteString("version: 1\nkernel: \">=5.13\"  # the first with Landlock\n\nmodules:\n")
	fmt.Fprintf(&b, "  %s:\n    command: %s\n", quote(name), list(f.command(d)))
	f.user(&b)
	b.WriteString("    environment: {LANG: C.UTF-8}  # all of it; nothing of the supervisor's own is passed on\n")
	b.WriteString("    restart: {policy: on-failure}\n")
	if d.network == "host" {
		b.WriteString("    namespaces: [mount, pid, ipc, uts, cgroup]\n")
		note := "it opens its port by itself; with a listener that is handed over, mode none will do"
		if d.note != "" {
			note = "it opens its port by itself: " + d.note
		}
		b.WriteString("    network: {mode: host}  # " + note + "\n")
	} else {
		b.WriteString("    namespaces: [mount, pid, ipc, uts, cgroup, network]\n")
		b.WriteString("    network: {mode: none}  # host, with network left out of namespaces, for a program that connects or listens by itself\n")
	}
	b.WriteString("    capabilities: []\n")
	f.filesystem(&b, d)
	b.WriteString("    rlimits: {nofile: 1024, core: 0}\n    resources: {memory.max: 256M, pids.max: 64, cpu.max: 100%}\n")
	b.WriteString("    best_effort: [resources]  # an ordinary user may have no control groups\n")
	filter(&b, d)
	out, findings := format.Format(f.Path, []byte(b.String()))
	if out == nil {
		return nil, fmt.Errorf("write a policy for %q: %w", f.Path, findings)
	}
	return out, nil
}

// filter writes the filter to start from: nothing in it is a finding of the audit of medium or higher.
func filter(b *strings.Builder, d daemon) {
	b.WriteString(`    seccomp:
      architectures: [native]
      default: errno ENOSYS  # a call that the table does not know, so that libraries fall back
      denied: errno EPERM    # one that it knows and this policy does not allow
      # What a group has in it: supervisor policy explain @NAME. What this means for a call: supervisor policy explain FILE CALL
      allow:
        - "@default"
        - "@basic-io"
        - "@file-system"
        - "@io-event"
        - "@signal"
        - "@sync"
        - [madvise, mremap, pipe2, uname, sysinfo]
`)
	fmt.Fprintf(b, "        - {call: ioctl, when: \"cmd in [%s]\"}\n", strings.Join(append([]string{"TCGETS", "TIOCGWINSZ", "FIONBIO", "FIONREAD"}, d.ioctl...), ", "))
	b.WriteString(`        # Threads and children, in no namespaces of their own.
        - call: clone
          when: "!(clone_flags & (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP))"
        - wait4
`)
	if d.socket == "" {
		b.WriteString("        # Sockets, when it needs some: {call: socket, when: \"family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM\"}, connect, …\n")
	} else {
		fmt.Fprintf(b, "        - {call: socket, when: %q}\n", d.socket)
	}
	for _, c := range d.calls {
		fmt.Fprintf(b, "        - %s\n", c)
	}
	b.WriteString(`      deny:
        - [execve, execveat]  # the supervisor starts the command; remove this when it starts others
        - [mknod, mknodat, open_by_handle_at, name_to_handle_at]  # of "@file-system", and no program's business
        - {call: [mmap, mprotect], when: "prot & PROT_WRITE && prot & PROT_EXEC"}  # what is written is not executed
        # Unknown, so that libraries take the older call. The flags of clone3 are in memory, where no filter sees them.
`)
	if d.socket == "" {
		b.WriteString("        - {call: clone3, action: errno ENOSYS}\n")
	} else {
		b.WriteString("        - {call: [clone3, sendmmsg], action: errno ENOSYS}\n")
	}
}

// command is the program with its arguments. A script is given to its interpreter, so that it need not be executable itself.
func (f Facts) command(d daemon) []string {
	args := f.Args
	if len(args) == 0 {
		args = d.args
	}
	if f.Interpreter != "" {
		return slices.Concat([]string{f.Interpreter}, f.InterpreterArgs, []string{f.Path}, f.Args)
	}
	return append([]string{f.Path}, args...)
}

// Name returns what a module is called after a path: its last part, without what a name may not have.
func Name(p string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, path.Base(p))
	name = strings.TrimLeft(name, ".-")
	if name == "" {
		return "program"
	}
	return name[:min(64, len(name))]
}

func (f Facts) kind() string {
	switch {
	case f.Interpreter != "":
		return "a script for " + printable(f.Interpreter)
	case f.Loader != "":
		return "a program with shared libraries"
	}
	return "a static program"
}

// printable returns a path as a comment can have it.
func printable(p string) string {
	if quoted := strconv.Quote(p); quoted != `"`+p+`"` {
		return quoted
	}
	return p
}

// optional returns the paths besides the program's, in order, each once.
func (f Facts) optional() []string {
	var paths []string
	for _, p := range append([]string{f.Interpreter, f.Loader}, f.Libraries...) {
		if p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

func (f Facts) user(b *strings.Builder) {
	if f.User == "" {
		b.WriteString("    user: {dynamic: true}  # a user that nobody else has; name one when it has files of its own\n")
		return
	}
	fmt.Fprintf(b, "    user: %s\n", quote(f.User))
}

func (f Facts) filesystem(b *strings.Builder, d daemon) {
	b.WriteString("    filesystem:  # what is not listed is not there\n")
	seen := map[string]bool{}
	add := func(p, rest, comment string) {
		if p = path.Clean(p); !seen[p] {
			seen[p] = true
			fmt.Fprintf(b, "      - {path: %s, %s}%s\n", quote(p), rest, comment)
		}
	}
	if f.Interpreter != "" {
		add(f.Path, "access: r", "  # the script")
		add(f.Interpreter, "access: rx", "  # its interpreter")
	} else {
		add(f.Path, "access: rx", "")
	}
	if f.Loader != "" {
		add(f.Loader, "access: rx", "  # the loader")
	}
	for _, l := range f.Libraries {
		add(l, "access: rx", "  # libraries")
	}
	if f.Loader != "" {
		add("/etc/ld.so.cache", "access: r, if_exists: true", "")
	}
	for _, entry := range d.files {
		p, _, _ := strings.Cut(strings.TrimPrefix(entry, "{path: "), ",")
		if !seen[p] {
			seen[p] = true
			fmt.Fprintf(b, "      - %s\n", entry)
		}
	}
	add("/dev/null", "access: rw", "")
	add("/tmp", "tmpfs: 16M", "")
}

// quote writes a string so that it is read as that string.
func quote(s string) string { return strconv.Quote(strings.ReplaceAll(s, "$", "$$")) }

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
