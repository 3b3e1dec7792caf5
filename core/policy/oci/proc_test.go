package oci

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestProcLists: the lists of a configuration become those of the module's proc, in a policy that is one.
func TestProcLists(t *testing.T) {
	const begin = `{"ociVersion": "1.2.0", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "execve"], "action": "SCMP_ACT_ALLOW"}]}`
	for _, c := range []struct {
		name, lists string
		want        string // the entry
		notes       []string
		err         string
	}{
		{name: "none", want: ""},
		{name: "runc's", lists: `, "maskedPaths": ["/proc/acpi", "/proc/kcore", "/sys/firmware"], "readonlyPaths": ["/proc/bus", "/proc/sys"]`,
			want:  "{path: /proc, proc: all, access: rw, masked: [/proc/acpi, /proc/kcore], read_only: [/proc/bus, /proc/sys]}",
			notes: []string{"/sys/firmware is not carried"}},
		{name: "privileged", lists: `, "maskedPaths": [], "readonlyPaths": []`, want: "{path: /proc, proc: all, access: rw, masked: [], read_only: []}"},
		{name: "one of them", lists: `, "readonlyPaths": ["/proc/sys"]`, want: "{path: /proc, proc: all, access: rw, read_only: [/proc/sys]}"},
		{name: "odd paths", lists: `, "maskedPaths": ["/proc//keys/", "proc/keys", "/proc/scsi/scsi", "/proc/scsi", "/proc/self/maps", "/proc", "/proc/../etc", "/proc/a b"],
			"readonlyPaths": ["/proc/scsi/x", "/proc/keys", "/proc/fs"]`,
			want:  `{path: /proc, proc: all, access: rw, masked: ["/proc/a b", /proc/keys, /proc/scsi], read_only: [/proc/fs]}`,
			notes: []string{"/proc/self/maps is not carried", "/proc is not carried", "/proc/../etc is not carried"}},
		{name: "no list", lists: `, "maskedPaths": "/proc/keys"`, err: "linux.maskedPaths is a list"},
		{name: "no paths", lists: `, "maskedPaths": [1]`, err: "an item of linux.maskedPaths"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse([]byte(begin+c.lists+"}}"), Options{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text, notes := p.Policy(PolicyOptions{})
			if c.want == "" && strings.Contains(string(text), "/proc") || !strings.Contains(string(text), "      - "+c.want) {
				t.Errorf("no %s in\n%s", c.want, text)
			}
			var said strings.Builder
			for _, n := range notes {
				said.WriteString(n.String() + "\n")
			}
			for _, n := range c.notes {
				if !strings.Contains(said.String(), n) {
					t.Errorf("no %q in\n%s", n, &said)
				}
			}
			if _, ds := policy.Parse("p.yaml", text, policy.Options{Catalog: seccomp.Catalog()}); ds.HasErrors() {
				t.Errorf("%s\n%s", ds, text)
			}
		})
	}
}
