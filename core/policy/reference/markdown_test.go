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
	case "user", "network", "update_config":
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
	case "time_offsets":
		inner(k.In, "{", "}")
	case "seccomp":
		inner(k.In, "{allow: [read], ", "}")
		if k.Name == "allow" {
			inner(k.In, "{", "}")
		}
	case "a filesystem entry":
		before := map[string]string{"path": "", "mode": "path: /tmp, tmpfs: 1M, "}
		start, known := before[k.Name]
		if !known {
			start = "path: /usr, "
		}
		inner("filesystem", "[{"+start, "}]")
	case "a limit":
		other := map[string]string{"soft": "hard: 4096, ", "hard": "soft: 1024, "}
		module["rlimits"] = "rlimits: {nofile: {" + other[k.Name] + k.Example + "}}"
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
		case "group":
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
