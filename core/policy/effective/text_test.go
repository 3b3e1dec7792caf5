package effective

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func parse(t testing.TB, file string, text []byte) *policy.Policy {
	t.Helper()
	variables := map[string]string{"POLICY_DIR": "/p", "SUPERVISOR": "/p/s", "SITE": "/p"}
	p, ds := policy.Parse(file, text, policy.Options{Catalog: seccomp.Catalog(), Dir: "/p", Variables: variables})
	if p == nil {
		t.Log(ds)
	}
	return p
}

// same checks that the effective text says what the policy says, whole and module by module.
func same(t *testing.T, file string, source []byte) {
	t.Helper()
	p := parse(t, file, source)
	if p == nil {
		return
	}
	want := p.Meaning()
	out, err := Text(p, map[string][]byte{file: source}, "")
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, file, out)
	if again == nil {
		t.Fatalf("%s cannot be read:\n%s", file, out)
	}
	if got := again.Meaning(); !reflect.DeepEqual(got, want) || again.Kernel.V != p.Kernel.V {
		t.Errorf("%s says\n%v\nand as it is shown\n%v\n%s", file, want, got, out)
	}
	for _, m := range p.Modules {
		out, err := Text(p, map[string][]byte{file: source}, m.Name)
		if err != nil {
			t.Fatal(err)
		}
		one := parse(t, file, out)
		if one == nil || len(one.Modules) != 1 || !reflect.DeepEqual(one.Meaning()["module "+m.Name], want["module "+m.Name]) {
			t.Errorf("module %s by itself:\n%s", m.Name, out)
		}
	}
}

func TestRepository(t *testing.T) {
	seen := 0
	for _, root := range []string{"policies", "tests", "sandbox"} {
		err := filepath.WalkDir(filepath.Join("../../..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			source, err := os.ReadFile(path)
			same(t, filepath.Base(path), source)
			seen++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 8 {
		t.Errorf("only %d policies", seen)
	}
}

const everything = `version: 1
kernel: ">=6.1"
listeners:
  http: {address: "[::]:80"}
  dns: {address: "udp:127.0.0.1:53"}
  sock: {address: "unix:run/a b", mode: "0660", user: www-data, group: 33, backlog: 7}
profiles:
  limits:
    rlimits: {nofile: {soft: 100, hard: 200}, cpu: 90s, as: 3G, rttime: 1500us, stack: unlimited}
    resources: {cpu.max: "20000 50000", memory.max: 1536K, pids.max: max}
  base:
    extends: limits
    capabilities: [CAP_CHOWN, kill]
    seccomp:
      denied: kill_process
      allow: ["@default", "@basic-io", openat]
      deny: [writev]
    environment: [A=1, "B=$$x\"y\\z"]
    restart: {policy: on-failure, delay: 1500ms}
modules:
  web:
    extends: base
    command: [/x/y, "", "a: b", "#c", "$$HOME", "é\n"]
    environment: {C: "d"}
    user: 33
    group: adm
    group_add: [audio, 44, "x#y"]
    listeners: {http: 3, "@notify": 4, sock: 5, dns: 6}
    healthcheck: {notify: true, start_period: 2s, watchdog: 1m30s}
    update_config: {order: start-first}
    replicas: 2
    stop_signal: RTMIN+3
    seccomp: {allow: [socket, connect]}
    network: {mode: loopback, connect: [{tcp: [5432, 8000-8009]}], bind: [], scope: [signal]}
    filesystem:
      - {path: usr, access: rx, if_exists: true}
      - {path: /site, source: site-7, nosymfollow: true}
      - {path: /tmp, tmpfs: 3M, mode: "0700", access: rwx}
      - {path: /proc, proc: all, access: rw, hidepid: invisible, masked: [default, /proc/mdstat], read_only: [/proc/sys, /proc/driver/x]}
      - {path: /dev, dev: minimal}
      - {path: /sys/fs/cgroup, cgroup: own, access: rw}
      - {path: /run/c, control: self}
    hostname: web-1
    domainname: example
    umask: "0077"
    nice: -5
    oom_score_adj: 500
    cpu_affinity: [0, 2-3]
    time_offsets: {monotonic: 1h, boottime: -1m30s}
    namespaces: [mount, pid, ipc, uts, cgroup, network, time]
    best_effort: [landlock, resources]
  plain:
    command: [/x]
    user: {dynamic: true}
    namespaces: [mount, pid]
    network: {mode: host}
    healthcheck: {tcp: "127.0.0.1:99", interval: 5s}
    seccomp: {allow: [read]}
    filesystem: [{path: /usr}]
    resources: {cpu.max: max, cpu.weight: 50, io.weight: 10000, io.max: {"8:0": {rbps: 10M, wbps: max, riops: 500, wiops: 2}, "/a: b": {wbps: 4K}}, cpuset.cpus: [5, 0-2], memory.high: 8M, memory.oom.group: true, memory.swap.max: 0}
`

func TestEverything(t *testing.T) {
	if parse(t, "all.yaml", []byte(everything)) == nil {
		t.Fatal("the policy is not valid")
	}
	same(t, "all.yaml", []byte(everything))
}

// TestEveryKey is exhaustive: a key of a module that is never shown would be lost.
func TestEveryKey(t *testing.T) {
	out, err := Text(parse(t, "all.yaml", []byte(everything)), map[string][]byte{"all.yaml": []byte(everything)}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range policy.Language() {
		if k.In == "a test" || k.In == "an included file" || k.In == "an entry of accept" || k.In == "a rule" {
			continue // not parts of what a module may do, or, as to rules, tried by TestRules
		}
		if k.Name == "include" || k.Name == "tests" || k.Name == "accept" {
			continue // see Limits
		}
		if k.Name != "extends" && k.Name != "profiles" && !strings.Contains(string(out), k.Name+":") {
			t.Errorf("%s of %s is not shown", k.Name, k.In)
		}
	}
}

func TestOrigins(t *testing.T) {
	out, err := Text(parse(t, "all.yaml", []byte(everything)), map[string][]byte{"all.yaml": []byte(everything)}, "web")
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string]string{
		"replicas: 2": "# all.yaml:31", "working_dir: /": "# default", "delay: 1.5s": "# profile base, all.yaml:19",
		"memory.max: 1536K": "# profile limits, all.yaml:10", "[connect, socket]": "# all.yaml:33", `kernel: ">=6.1"`: "# all.yaml:2",
		"denied: kill_process": "# profile base, all.yaml:15", "[openat]": "# profile base, all.yaml:16",
	}
	for l := range strings.SplitSeq(string(out), "\n") {
		for _, what := range []string{"default", "all.yaml"} {
			if strings.TrimSpace(l) == "# "+what {
				t.Errorf("an origin by itself: %q", l)
			}
		}
		for text := range maps.Clone(wants) {
			if strings.Contains(l, text) && strings.HasSuffix(l, wants[text]) {
				delete(wants, text)
			}
		}
	}
	if len(wants) > 0 {
		t.Errorf("not found: %v in\n%s", wants, out)
	}
	if _, err := Text(parse(t, "all.yaml", []byte(everything)), nil, "wbe"); err == nil || !strings.Contains(err.Error(), "defined: web, plain") {
		t.Errorf("a module that is not there: %v", err)
	}
}

func TestRules(t *testing.T) {
	source := []byte("version: 1\nkernel: \">=5.13\"\nmodules:\n  a:\n    command: [/x]\n    filesystem: [{path: /usr}]\n    seccomp:\n      allow:\n" +
		"        - \"@default\"\n        - {call: socket, when: \"family == AF_INET\"}\n      deny:\n        - {call: [clone3, execve], action: errno ENOSYS}\n")
	if parse(t, "r.yaml", source) == nil {
		t.Fatal("the policy is not valid")
	}
	same(t, "r.yaml", source)
}
