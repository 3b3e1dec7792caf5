package e2e

import (
	"strings"
	"testing"
)

// withProc is a policy whose proc has more in its entry.
func withProc(t *testing.T, m module, entry string) string {
	t.Helper()
	text := policyText(m)
	with := strings.Replace(text, "{path: /proc, proc: all}", "{path: /proc, proc: all"+entry+"}", 1)
	if with == text && entry != "" {
		t.Fatalf("no proc in\n%s", text)
	}
	return writePolicy(t, with)
}

// TestProcMasked reads what belongs to the kernel: what is masked by default, what a policy masks instead, and what it masks besides.
func TestProcMasked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, entry, interrupts, uptime, tty string }{
		{"default", "", "EACCES", "ok", "ok"},
		{"nothing", ", masked: []", "ok", "ok", "ok"},
		{"exactly these", ", masked: [/proc/uptime, /proc/tty]", "ok", "EACCES", "EACCES"},
		{"more", ", masked: [default, /proc/uptime, /proc/tty/drivers]", "EACCES", "EACCES", "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			attackAll(t, withProc(t, module{allow: everything}, c.entry), []attack{
				{try: "read:/proc/interrupts", want: c.interrupts},
				{try: "read:/proc/uptime", want: c.uptime},
				{try: "list:/proc/tty", want: c.tty},
				{try: "read:/proc/self/status", want: "ok"},
				{try: "read:/proc/version", want: "ok"},
				{try: "read:/.masked", want: "ENOENT", control: "read:/proc/version"},
			})
		})
	}
}

// TestProcMaskedOverReadOnly: a path may be masked in a directory that is read-only.
func TestProcMaskedOverReadOnly(t *testing.T) {
	t.Parallel()
	m := module{allow: everything}
	if isRoot() {
		m.lines = []string{"user: root"}
	}
	attacks := []attack{
		{try: "read:/proc/sys/kernel/core_pattern", want: "EACCES"},
		{try: "read:/proc/sys/kernel/ostype", want: "ok"},
	}
	if isRoot() {
		attacks = append(attacks, attack{try: "write:/proc/sys/vm/overcommit_memory", want: "EROFS"})
	}
	attackAll(t, withProc(t, m, ", access: rw, masked: [/proc/sys/kernel/core_pattern]"), attacks)
}

// TestProcReadOnlyList: what the list names is read-only, and what the default list has and it has not is not.
func TestProcReadOnlyList(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skip("the user is not root outside, and what is the kernel's in /proc belongs to root: there is nothing to open for writing")
	}
	attackAll(t, withProc(t, module{allow: everything, lines: []string{"user: root"}}, ", access: rw, read_only: [/proc/sys/vm]"), []attack{
		{try: "write:/proc/sys/vm/overcommit_memory", want: "EROFS"},
		{try: "write:/proc/sys/kernel/ns_last_pid", want: "ok"}, // of the module's own pid namespace, so nothing of the host changes
	})
}

// TestProcMaskedExplained: each mount has its line, and so has what this kernel does not have.
func TestProcMaskedExplained(t *testing.T) {
	t.Parallel()
	p := withProc(t, module{allow: everything}, ", masked: [/proc/uptime, /proc/no-such-file]")
	r := supervisor(t, "policy", "explain", "--launch", p).run(t)
	r.wants(t, 0, "W619", "this kernel has no /proc/no-such-file")
	for _, step := range []string{`openat2($8, "uptime", {O_PATH|O_CLOEXEC, RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH}, 24) = $9   # ` + p + ":", "MOVE_MOUNT_T_EMPTY_PATH"} {
		if !strings.Contains(r.stdout, step) {
			t.Errorf("no %q in\n%s", step, r.stdout)
		}
	}
}
