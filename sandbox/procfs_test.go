package sandbox

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// mountedOver returns the paths of the module's proc that something is put on, in order, a slash after directories: masked and read-only ones.
func mountedOver(t *testing.T, r *Result) (masked, readOnly []string) {
	t.Helper()
	p := r.Mounts()
	own, directory, last := false, false, ""
	for _, s := range p.Steps {
		switch {
		case s.Number == unix.SYS_MKDIRAT && strings.Contains(s.Text, ".masked"), s.Number == unix.SYS_MKNODAT && strings.Contains(s.Text, ".masked"):
			directory = s.Number == unix.SYS_MKDIRAT
		case s.Number == unix.SYS_OPENAT2:
			last = textAt(p, s.Args[1].Value)
		case s.Number == unix.SYS_OPEN_TREE:
			own = strings.Contains(s.Text, "AT_EMPTY_PATH")
		case s.Number == unix.SYS_MOVE_MOUNT && strings.Contains(s.Text, "MOVE_MOUNT_T_EMPTY_PATH"):
			if own {
				readOnly = append(readOnly, last)
			} else {
				masked = append(masked, last+map[bool]string{true: "/"}[directory])
			}
		}
	}
	return masked, readOnly
}

func textAt(p *program.Program, at uint64) string {
	text, _, _ := strings.Cut(string(p.Memory[at:]), "\x00")
	return text
}

func procEntry(more string) string {
	return withFiles("{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /proc, proc: all"+more+"}")
}

func TestProcPaths(t *testing.T) {
	hidden := func(f func(*fakeHost)) *fakeHost { h := debian(); f(h); return h }
	tests := []struct {
		name             string
		host             *fakeHost
		module           string
		masked, readOnly []string
		says             string // of the report
	}{
		{name: "ordinary user", host: debian(), module: procEntry(""), masked: []string{"interrupts", "keys", "acpi/", "scsi/"},
			says: "masked: acpi interrupts keys scsi; closed to user 990 by their mode: kcore"},
		{name: "root", host: debian(), module: strings.Replace(procEntry(""), "user: web", "user: root", 1), masked: []string{"interrupts", "kcore", "keys", "acpi/", "scsi/"},
			says: "masked: acpi interrupts kcore keys scsi"},
		{name: "root's group", host: debian(), module: procEntry("") + "group: root\n", masked: []string{"interrupts", "kcore", "keys", "acpi/", "scsi/"}},
		{name: "a capability", host: debian(), module: strings.Replace(procEntry(""), "capabilities: []", "capabilities: [CAP_DAC_READ_SEARCH]", 1),
			masked: []string{"interrupts", "kcore", "keys", "acpi/", "scsi/"}},
		{name: "in a user namespace, where numbers mislead", host: aliceInside(), module: procEntry(""),
			masked: []string{"interrupts", "kcore", "keys", "acpi/", "scsi/"}},
		{name: "a host that masks: modes say nothing", host: hidden(func(h *fakeHost) { h.facts.Proc.Masked = "/proc/kcore" }), module: procEntry(""),
			masked: []string{"interrupts", "kcore", "keys", "acpi/", "scsi/"}},
		{name: "writable", host: debian(), module: procEntry(", access: rw"), masked: []string{"interrupts", "keys", "acpi/", "scsi/"},
			readOnly: []string{"bus", "sys", "sysrq-trigger"}, says: "read-only: bus sys sysrq-trigger"},
		{name: "nothing at all", host: debian(), module: procEntry(", access: rw, masked: [], read_only: []")},
		{name: "processes only", host: debian(), module: strings.Replace(procEntry(""), "all", "pid", 1)},
		{name: "exactly these", host: debian(), module: procEntry(", access: rw, masked: [/proc/driver], read_only: [/proc/sys/kernel]"),
			masked: []string{"driver/"}, readOnly: []string{"sys/kernel"}},
		{name: "more than usual", host: debian(), module: procEntry(", access: rw, masked: [default, /proc/driver/rtc, /proc/sys], read_only: [default, /proc/driver]"),
			masked: []string{"driver/rtc", "interrupts", "keys", "acpi/", "scsi/", "sys/"}, readOnly: []string{"bus", "driver", "sysrq-trigger"}},
		{name: "elsewhere", host: debian(), module: strings.Replace(procEntry(", masked: [/p/keys]"), "path: /proc", "path: /p", 1), masked: []string{"keys"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := mustCompile(t, tt.host, tt.module)
			masked, readOnly := mountedOver(t, res)
			if !slices.Equal(masked, tt.masked) || !slices.Equal(readOnly, tt.readOnly) {
				t.Errorf("masked %q, read-only %q\nwant   %q, read-only %q", masked, readOnly, tt.masked, tt.readOnly)
			}
			var says string
			for _, e := range res.Enforcement {
				if e.Protection == "proc" {
					says = e.Detail
				}
			}
			if !strings.Contains(says, tt.says) || (says == "") != (len(masked)+len(readOnly) == 0) {
				t.Errorf("the report says %q, want %q", says, tt.says)
			}
		})
	}
}

// TestProcPathsAreRefused: what cannot be closed is an error, what is not there a warning only where the policy names it.
func TestProcPathsAreRefused(t *testing.T) {
	pidOnly := debian()
	for name := range pidOnly.files {
		if strings.HasPrefix(name, "/proc/") && name != "/proc/self" {
			delete(pidOnly.files, name)
		}
	}
	inside := func(f host.ProcFacts) *fakeHost { h := aliceInside(); h.facts.Proc = f; return h }
	hides := debian()
	hides.facts.Proc = host.ProcFacts{Mounted: true, Masked: "/proc/keys", ReadOnly: true}
	for _, tt := range []struct {
		name   string
		host   *fakeHost
		module string
		want   []string
	}{
		{"a container that hides something", inside(host.ProcFacts{Mounted: true, Masked: "/proc/keys"}), procEntry(""), []string{"E610 15"}},
		{"a container without proc", inside(host.ProcFacts{}), procEntry(""), []string{"E610 15"}},
		{"a container that cannot write", inside(host.ProcFacts{Mounted: true, ReadOnly: true}), procEntry(", access: rw"), []string{"E610 15"}},
		{"a container that cannot write, for reading", inside(host.ProcFacts{Mounted: true, ReadOnly: true}), procEntry(""), nil},
		{"root of the host", hides, procEntry(", access: rw"), nil},
		{"a link of a driver's", debian(), procEntry(", masked: [/proc/xfs]"), []string{"E618 15"}},
		{"through a link", debian(), procEntry(", masked: [/proc/xfs/stats]"), []string{"E618 15"}},
		{"not there", debian(), procEntry(", masked: [default, /proc/nothing]"), []string{"W619 15"}},
		{"not there, and nothing can hide it", hides, procEntry(", masked: [/proc/nothing]"), []string{"W619 15"}},
		{"perhaps below what the host hides", hides, procEntry(", masked: [/proc/scsi/nothing]"), []string{"E617 15"}},
		{"below a file", debian(), procEntry(", masked: [/proc/keys/x]"), []string{"W619 15"}},
		{"the host's proc has processes only", pidOnly, procEntry(""), []string{"E617 15"}},
		{"nothing is to be closed", pidOnly, procEntry(", masked: []"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := compileWith(t, tt.host, tt.module)
			if got := places(ds); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q\n%s", got, tt.want, ds)
			}
		})
	}
}

// TestMaskLeavesNothing: what paths are covered with is gone from the root before anything else can be created there.
func TestMaskLeavesNothing(t *testing.T) {
	res := mustCompile(t, debian(), withFiles("{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /.masked, tmpfs: 1M}", "{path: /proc, proc: all}"))
	made := map[string]bool{}
	for _, s := range res.Mounts().Steps {
		name := ""
		switch s.Number {
		case unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_UNLINKAT:
			name = textAt(res.Mounts(), s.Args[1].Value)
		}
		switch {
		case !strings.HasPrefix(name, ".masked"):
		case s.Number == unix.SYS_UNLINKAT:
			delete(made, name)
		case made[name]:
			t.Errorf("%s: it is there", s.Text)
		default:
			made[name] = true
		}
	}
	if len(made) != 1 || !made[".masked"] {
		t.Errorf("left behind: %v, want the policy's own .masked only", made)
	}
}
