package oci

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// section reads the seccomp section of a policy with one module.
func section(t testing.TB, yaml []byte) policy.Seccomp {
	t.Helper()
	p, findings := policy.Parse("p.yaml", yaml, policy.Options{Catalog: seccomp.Catalog()})
	if err := findings.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, yaml)
	}
	return p.Modules[0].Seccomp
}

// same proves that two profiles answer alike.
func same(t testing.TB, a, b *Profile) {
	t.Helper()
	x, err := a.Decision()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Decision()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range seccomp.Compare(x, y, 5) {
		t.Errorf("%v", &d)
	}
}

// TestDockerRoundTrip: Docker's default profile as a policy and as a profile again is the same on all architectures.
func TestDockerRoundTrip(t *testing.T) {
	for name, caps := range map[string][]string{"default": nil, "none": {}, "admin": {"CAP_SYS_ADMIN"}} {
		t.Run(name, func(t *testing.T) {
			original := parsed(t, dockerProfile(t), Options{Capabilities: caps})
			yaml, notes := original.Policy(PolicyOptions{})
			for _, n := range notes {
				if strings.Contains(n.Text, "condition on") {
					t.Error(n)
				}
			}
			text, _, err := Export(section(t, yaml))
			if err != nil {
				t.Fatal(err)
			}
			same(t, original, parsed(t, text, Options{}))
		})
	}
}

// TestExport: conditions that a profile has no operator for.
func TestExport(t *testing.T) {
	for name, rules := range map[string]string{
		"int equal":      `allow: [read, {call: socket, when: "family == 2"}]`,
		"int in a range": `allow: [read, {call: socket, when: "family in [3..41]"}]`,
		"int signed":     `allow: [read, {call: dup2, when: "oldfd < 7"}]`,
		"not equal":      `allow: [read, {call: socket, when: "family != 38"}]`,
		"mask and range": `allow: [read, {call: socket, when: "(type & 15) == 1 && type < 0x10000"}]`,
		"negation":       `allow: [read, {call: mmap, when: "!((prot & 2) != 0 && (prot & 4) != 0)"}]`,
		"deny with when": `{allow: [read, socket], deny: [{call: socket, when: "family == 38", action: kill_process}]}`,
		"several " +
			"answers": `{denied: errno ENOSYS, allow: [read, {call: socket, when: "family == 1"}], ` +
			`deny: [{call: socket, when: "type == 3", action: errno EACCES}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			rules = strings.TrimSuffix(strings.TrimPrefix(rules, "{"), "}")
			if strings.HasPrefix(rules, "allow: [read, {") && !strings.HasSuffix(rules, "]") {
				rules += "}]"
			}
			text := "version: 1\nmodules:\n  m:\n    command: [/bin/true]\n    filesystem: [{path: /usr, access: rx}]\n    seccomp: {" + rules + "}\n"
			s := section(t, []byte(text))
			exported, _, err := Export(s)
			if err != nil {
				t.Fatal(err)
			}
			want, err := seccomp.Resolve(s)
			if err != nil {
				t.Fatal(err)
			}
			p := parsed(t, exported, Options{Closed: bpf.RetKillProcess})
			got, err := p.Decision()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range seccomp.Compare(want, got, 3) {
				t.Errorf("%v", &d)
			}
		})
	}
}
