package policy

import (
	"slices"
	"strings"
)

// ProcPaths are what a policy says of paths in a new proc that belong to the kernel and not to a process. The zero value is the default list.
type ProcPaths struct {
	Pos Pos // of the key; zero when it was not written
	// Default is set when the list has the word that stands for the default list.
	Default Value[bool]
	// Own are the others, without the mount point: "keys", "sys/kernel".
	Own []Value[string]
}

// Written tells whether the policy has the list.
func (p ProcPaths) Written() bool { return p.Pos.Line != 0 }

// withDefault tells whether the default list is meant, by its name or because nothing was written.
func (p ProcPaths) withDefault() bool { return !p.Written() || p.Default.V }

// DefaultMasked are the paths in a new proc that a module cannot look into when its policy does not say otherwise: of what container
// runtimes and systemd's ProtectKernelTunables= and ProtectKernelLogs= hide, all that is in proc. Source: moby's and podman's default
// linux.maskedPaths, systemd.exec(5). Of keys, /proc/keys shows what the reader may see of them, and key-users how many everybody has.
func DefaultMasked() []string {
	return []string{"acpi", "asound", "interrupts", "iomem", "ioports", "kallsyms", "kcore", "key-users", "keys", "kmsg", "latency_stats",
		"pagetypeinfo", "sched_debug", "scsi", "slabinfo", "timer_list", "timer_stats", "vmallocinfo"}
}

// DefaultReadOnly are the paths that stay read-only in a proc that may be written to: linux.readonlyPaths of container runtimes.
func DefaultReadOnly() []string { return []string{"bus", "fs", "irq", "sys", "sysrq-trigger"} }

// list returns the paths with their places, sorted; those of the default list are where its name is, or the key, or else at.
func (p ProcPaths) list(names []string, at Pos) []Value[string] {
	var out []Value[string]
	if p.withDefault() {
		if p.Default.Pos.Line != 0 {
			at = p.Default.Pos
		}
		for _, n := range names {
			out = append(out, Value[string]{n, at})
		}
	}
	out = append(out, p.Own...)
	slices.SortFunc(out, func(a, b Value[string]) int { return strings.Compare(a.V, b.V) })
	return out
}

// MaskedPaths are the paths below a new proc, without the mount point, that the module cannot look into. A proc of processes has none of them.
func (f Mount) MaskedPaths() []Value[string] {
	if f.Kind != MountProc || f.Subset != "all" {
		return nil
	}
	return f.Masked.list(DefaultMasked(), f.Pos)
}

// ReadOnlyPaths are the paths below a new proc that may be written to, without the mount point, which may not be written to.
func (f Mount) ReadOnlyPaths() []Value[string] {
	if f.Kind != MountProc || f.Subset != "all" || f.Access&AccessWrite == 0 {
		return nil
	}
	masked := f.MaskedPaths()
	return slices.DeleteFunc(f.ReadOnly.list(DefaultReadOnly(), f.Pos), func(v Value[string]) bool {
		return slices.ContainsFunc(masked, func(m Value[string]) bool { return below(v.V, m.V) })
	})
}

// below tells whether a path is another one or lies in it.
func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// item renders the list after its name, "masked default,mdstat", "masked ∅", and nothing when there is none.
func (p ProcPaths) item(name string) string {
	var words []string
	if p.Default.V {
		words = append(words, "default")
	}
	for _, v := range (ProcPaths{Pos: Pos{Line: 1}, Own: p.Own}).list(nil, p.Pos) {
		words = append(words, plain(v.V))
	}
	switch {
	case len(words) > 0:
		return name + strings.Join(words, ",")
	case p.Written():
		return name + "∅"
	}
	return ""
}
