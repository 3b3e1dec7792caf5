package seccomp

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// withRules is a policy whose modules have the same rules.
func withRules(t *testing.T, modules int, rules ...string) *policy.Policy {
	t.Helper()
	text := "version: 1\nprofiles:\n  base:\n    seccomp:\n      allow:\n        - exit_group\n"
	for _, r := range rules {
		text += "        - " + r + "\n"
	}
	text += "modules:\n"
	for i := range modules {
		text += fmt.Sprintf("  m%d: {extends: base, command: [/bin/true], user: u%d, filesystem: [{path: /bin, access: rx}]}\n", i, i)
	}
	p, ds := policy.Parse("p.yaml", []byte(text), policy.Options{Catalog: Catalog(), Dir: "/"})
	if p == nil {
		t.Fatal(ds)
	}
	return p
}

// TestFits: a policy that cannot become a filter says so at the call that is to blame.
func TestFits(t *testing.T) {
	var pairs, few, scattered []string
	for i := range 31 {
		pairs = append(pairs, fmt.Sprintf("(cmd has %#x && fd has %#x)", 1<<i, 1<<((i*7+3)%31)))
	}
	few = pairs[:6]
	r := rand.New(rand.NewSource(1))
	for _, call := range strings.Fields("close lseek fsync flock ftruncate fallocate fchmod fchown listen shutdown bind connect fstat read write readv writev pread64 pwrite64 accept") {
		for range 4 {
			var values []string
			for range 75 {
				values = append(values, fmt.Sprint(r.Intn(1<<31-10)+5))
			}
			scattered = append(scattered, fmt.Sprintf("{call: %s, when: \"fd in [%s]\"}", call, strings.Join(values, ", ")))
		}
	}
	rule := func(conditions []string) string {
		return `{call: ioctl, when: "` + strings.Join(conditions, " || ") + `"}`
	}
	for _, c := range []struct {
		name    string
		rules   []string
		modules int
		want    string // nothing: it fits
	}{
		{"no conditions", nil, 1, ""},
		{"a few pairs", []string{rule(few)}, 1, ""},
		{"one word of scattered values", scattered[:8], 1, ""},
		{"too many pairs", []string{`{call: socket, when: "family == AF_INET"}`, rule(pairs)}, 1, `p.yaml:8:18: error[E622]: the conditions depend on too many bits`},
		{"too many values", scattered, 1, "error[E621]: the conditions take more than the 4096 instructions"},
		{"many modules with the same rules", []string{rule(pairs)}, 200, "p.yaml:7:18: error[E622]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ds := Fits(withRules(t, c.modules, c.rules...))
			if c.want == "" && len(ds) == 0 {
				return
			}
			if c.want == "" || len(ds) != 1 || !strings.Contains(ds.Error(), c.want) || ds[0].Help == "" || ds[0].Width < 4 {
				t.Errorf("%v, want %q", ds, c.want)
			}
		})
	}
}
