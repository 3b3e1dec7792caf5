package reference

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func TestCommitted(t *testing.T) {
	committed, err := os.ReadFile("../../../docs/policy-reference.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, Markdown(seccomp.X8664.Catalog(), seccomp.Origin())) {
		t.Error("docs/policy-reference.md is not what the table says; run make generate")
	}
}

func TestEveryTypeIsDescribed(t *testing.T) {
	for _, k := range policy.Language() {
		if Written(k.Type) == "" {
			t.Errorf("%s %s: nobody says how a %s is written", k.In, k.Name, k.Type)
		}
	}
}

// around returns a policy that has an example at its place.
func around(k policy.Key) string {
	top := map[string]string{"version": "version: 1", "listeners": `listeners: {http: {address: "0.0.0.0:8080"}}`}
	module := map[string]string{"command": "command: [/x]", "filesystem": "filesystem: [{path: /usr}]", "seccomp": "seccomp: {allow: [read]}",
		"listeners": "listeners: {http: 3}"}
	inner := func(key, open, end string) { module[key] = key + ": " + open + k.Example + end }
	switch k.In {
	case "the policy":
		top[k.Name] = k.Example
	case "a listener":
		top["listeners"] = "listeners: {http: {address: \"unix:/x\", " + k.Example + "}}"
		if k.Name == "address" {
			top["listeners"] = "listeners: {http: {" + k.Example + "}}"
		}
	case "a module":
		module[k.Name] = k.Example
	case "user", "update_config":
		inner(k.In, "{", "}")
	case "restart":
		inner(k.In, "{policy: always, ", "}")
		if k.Name == "policy" {
			inner(k.In, "{", "}")
		}
	case "healthcheck":
		kind := map[string]string{"notify": "", "tcp": "", "watchdog": "notify: true, "}
		before, known := kind[k.Name]
		if !known {
			before = `tcp: "127.0.0.1:8081", `
		}
		inner(k.In, "{"+before, "}")
	case "network":
		before := "mode: loopback, "
		if k.Name == "mode" {
			before = ""
		}
		inner(k.In, "{"+before, "}")
	case "an entry of ports":
		module["network"] = "network: {mode: loopback, bind: [{" + k.Example + "}]}"
	case "time_offsets":
		inner(k.In, "{", "}")
	case "seccomp":
		inner(k.In, "{allow: [read], ", "}")
		if k.Name == "allow" {
			inner(k.In, "{", "}")
		}
	case "a filesystem entry":
		before := map[string]string{"path": "", "mode": "path: /tmp, tmpfs: 1M, ", "hidepid": "path: /proc, proc: pid, ",
			"masked": "path: /proc, proc: all, ", "read_only": "path: /proc, proc: all, access: rw, "}
		start, known := before[k.Name]
		if !known {
			start = "path: /usr, "
		}
		inner("filesystem", "[{"+start, "}]")
	case "a limit":
		other := map[string]string{"soft": "hard: 4096, ", "hard": "soft: 1024, "}
		module["rlimits"] = "rlimits: {nofile: {" + other[k.Name] + k.Example + "}}"
	case "a disk of io.max":
		module["resources"] = "resources: {io.max: {/srv: {" + k.Example + "}}}"
	case "a rule":
		rule := map[string]string{"call": k.Example, "when": "call: socket, " + k.Example}[k.Name]
		if rule == "" {
			rule = "call: read, " + k.Example
		}
		switch k.Name {
		case "action":
			module["seccomp"] = "seccomp: {allow: [write], deny: [{" + rule + "}]}"
		case "overridable":
			top["profiles"] = "profiles: {base: {seccomp: {deny: [{" + rule + "}]}}}"
			module["extends"] = "extends: base"
			module["seccomp"] = "seccomp: {allow: [read]}"
		default:
			module["seccomp"] = "seccomp: {allow: [write, {" + rule + "}]}"
		}
	case "an entry of accept":
		entry := map[string]string{"rule": "rule: C01", "reason": "reason: x", "until": "until: 2030-01-01"}
		entry[k.Name] = k.Example
		module["accept"] = "accept: [{" + entry["rule"] + ", " + entry["reason"] + ", " + entry["until"] + "}]"
	case "a test":
		entry := map[string]string{"name": "name: x", "module": "module: web", "expect": "expect: allowed"}
		if k.Name != "trace" && k.Name != "subset_of" {
			entry["call"] = "call: read()"
		}
		if k.Name == "subset_of" {
			delete(entry, "expect")
		}
		entry[k.Name] = k.Example
		top["tests"] = "tests: [{" + strings.Join(slices.Sorted(maps.Values(entry)), ", ") + "}]"
	default:
		return ""
	}
	if _, tcp := module["healthcheck"]; tcp && k.In == "healthcheck" && strings.Contains(module["healthcheck"], "tcp") {
		module["namespaces"], module["network"] = "namespaces: [mount, pid, ipc, uts, cgroup]", "network: {mode: host}"
	}
	if k.In == "time_offsets" || k.Name == "time_offsets" {
		module["namespaces"] = "namespaces: [mount, pid, ipc, uts, cgroup, network, time]"
	}
	if k.In == "a module" {
		switch k.Name {
		case "group", "group_add":
			module["user"] = "user: daemon"
		case "extends":
			top["profiles"] = "profiles: {base: {capabilities: []}}"
		case "best_effort":
			module["resources"] = "resources: {pids.max: 3}"
		}
	}
	if k.Name == "profiles" && k.In == "the policy" {
		module["extends"] = "extends: base"
	}
	var b strings.Builder
	for _, l := range top {
		b.WriteString(l + "\n")
	}
	if k.Name == "modules" && k.In == "the policy" {
		return strings.Replace(b.String(), top["listeners"]+"\n", "", 1)
	}
	b.WriteString("modules:\n  web:\n")
	for _, l := range module {
		b.WriteString("    " + l + "\n")
	}
	return b.String()
}

func TestExamples(t *testing.T) {
	for _, k := range policy.Language() {
		t.Run(k.In+" "+k.Name, func(t *testing.T) {
			text := around(k)
			p, ds := policy.Parse("p.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog(), Dir: "/p",
				Include: func(string) (policy.Included, error) { return policy.Included{Text: []byte("version: 1\n")}, nil }})
			if p == nil || !strings.HasPrefix(k.Example, k.Name+": ") || !strings.HasSuffix(k.Text, ".") {
				t.Errorf("%v\n%s", ds, text)
			}
		})
	}
}

// TestOperators: every operator that the language has is described, its example is a condition, and what binds tighter needs no parentheses.
func TestOperators(t *testing.T) {
	catalog := seccomp.X8664.Catalog()
	described := map[string]bool{}
	last := 0
	for _, o := range operators() {
		described[o.sign] = true
		if o.level < last || o.level > last+1 {
			t.Errorf("%s is of level %d after %d", o.sign, o.level, last)
		}
		last = o.level
		e, err := policy.ParseExpr(o.example)
		if err == nil {
			_, err = e.Lower(o.call, catalog)
		}
		if err != nil || !strings.Contains(o.example, strings.Fields(strings.TrimSuffix(o.sign, "( )") + " (")[0]) {
			t.Errorf("%s: %q is no example: %v", o.sign, o.example, err)
		}
		rule := "version: 1\nmodules:\n  m:\n    command: [/x]\n    filesystem: [{path: /usr}]\n" +
			"    seccomp: {allow: [{call: " + o.call + ", when: \"" + o.example + "\"}]}\n"
		if p, ds := policy.Parse("p.yaml", []byte(rule), policy.Options{Catalog: catalog}); p == nil || len(ds) > 0 {
			t.Errorf("%s: %v", o.sign, ds)
		}
	}
	for _, sign := range strings.Fields("|| && | & == != < <= > >= in has ! ~ -") {
		if !described[sign] {
			t.Errorf("nobody says what %s does", sign)
		}
	}
}

// TestLevels: an operator of a higher level binds tighter, so the canonical form of the two needs no parentheses around it.
func TestLevels(t *testing.T) {
	for _, c := range []struct{ text, canonical string }{
		{"family == 1 || (type == 2 && protocol == 3)", "family == 1 || type == 2 && protocol == 3"},
		{"(family == 1 || type == 2) && protocol == 3", "(family == 1 || type == 2) && protocol == 3"},
		{"(type & (1 | 2)) == 0", "(type & (1 | 2)) == 0"},
		{"(type & 1 | 2) == 0", "(type & 1 | 2) == 0"},
		{"((type & 1) | 2) == 0", "(type & 1 | 2) == 0"},
		{"(!(family)) || type in [1]", "!family || type in [1]"},
	} {
		if e, err := policy.ParseExpr(c.text); err != nil || e.String() != c.canonical {
			t.Errorf("%q is %q, %v", c.text, e, err)
		}
	}
}

func TestActions(t *testing.T) {
	for _, a := range answers() {
		text := "version: 1\nmodules:\n  m:\n    command: [/x]\n    filesystem: [{path: /usr}]\n    seccomp: {denied: " + a.word + ", allow: [read]}\n"
		p, ds := policy.Parse("p.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog()})
		if p == nil || p.Modules[0].Seccomp.Denied.V.String() != a.word {
			t.Errorf("%s: %v", a.word, ds)
		}
	}
}

// TestRanges: what is counted says from where to where.
func TestRanges(t *testing.T) {
	for _, k := range policy.Language() {
		switch k.Type {
		case policy.TypeNumber, policy.TypeDuration, policy.TypeMode, policy.TypeSize, policy.TypeMaps:
			if k.Range == "" {
				t.Errorf("%s of %s has no range", k.Name, k.In)
			}
		}
	}
}

// TestLinks: what the page links to within itself is there.
func TestLinks(t *testing.T) {
	text := string(Markdown(seccomp.X8664.Catalog(), seccomp.Origin()))
	for part := range strings.SplitSeq(text, "](#") {
		anchor, _, closed := strings.Cut(part, ")")
		if !closed || strings.Contains(anchor, " ") || strings.Contains(anchor, "\n") {
			continue // before the first link
		}
		if !strings.Contains(strings.ToLower(strings.ReplaceAll(text, " ", "-")), "\n##-"+anchor+"\n") {
			t.Errorf("there is no section %q", anchor)
		}
	}
}
