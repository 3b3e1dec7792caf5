package seccomp

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNumber(t *testing.T) {
	for name, want := range map[string]uint32{
		"read": unix.SYS_READ, "clone3": unix.SYS_CLONE3, "openat2": unix.SYS_OPENAT2, "execveat": unix.SYS_EXECVEAT,
		"newfstatat": unix.SYS_NEWFSTATAT, "landlock_restrict_self": unix.SYS_LANDLOCK_RESTRICT_SELF, "mseal": unix.SYS_MSEAL,
	} {
		if got, known := Number(name); !known || got != want {
			t.Errorf("Number(%q) is %d, %v; want %d", name, got, known, want)
		}
	}
	for _, name := range []string{"", "READ", "rea", "readd", "SYS_read", "zzz", "mmap2", "arch_specific_syscall"} {
		if got, known := Number(name); known {
			t.Errorf("Number(%q) is %d", name, got)
		}
	}
	for _, nr := range []uint32{999, 1 << 30, 1<<32 - 1} {
		if got := Name(nr); got != "" {
			t.Errorf("Name(%d) is %q", nr, got)
		}
	}
}

func TestCatalog(t *testing.T) {
	c := Catalog()
	for _, name := range []string{"clone3", "openat2", "read", "futex_waitv", "execveat"} {
		if _, known := c.Calls[name]; !known {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range []string{"@default", "@basic-io", "@system-service", "@network-io", "@signal", "@known", "@privileged", "@sync"} {
		if len(c.Groups[name]) == 0 {
			t.Errorf("%s is missing or empty", name)
		}
	}
	for name, members := range c.Groups {
		if !strings.HasPrefix(name, "@") || !slices.IsSorted(members) || len(slices.Compact(slices.Clone(members))) != len(members) {
			t.Errorf("%s: %v is no sorted list of a group", name, members)
		}
		for _, m := range members {
			if _, native := c.Calls[m]; !native {
				t.Errorf("%s has %q, which is no native call", name, m)
			}
		}
	}
	for _, nested := range []string{"@default", "@basic-io", "@timer"} {
		for _, m := range c.Groups[nested] {
			if !slices.Contains(c.Groups["@system-service"], m) {
				t.Errorf("@system-service lacks %s, which is in %s", m, nested)
			}
		}
	}
	if slices.Contains(c.Groups["@system-service"], "mount") {
		t.Error("@system-service has mount")
	}
}

// Only groups of calls that other architectures have may be empty here.
func TestGroupsAreNotEmpty(t *testing.T) {
	emptyOnArm := []string{"@cpu-emulation", "@obsolete"}
	for name, members := range Catalog().Groups {
		if len(members) == 0 && (Native() != AArch64 || !slices.Contains(emptyOnArm, name)) {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestOrigin(t *testing.T) {
	if got := Origin(); !strings.Contains(got, "golang.org/x/sys v") || !strings.Contains(got, "systemd 2") {
		t.Errorf("got %q", got)
	}
}
