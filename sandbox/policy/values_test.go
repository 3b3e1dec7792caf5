package policy

import (
	"strings"
	"testing"
)

func valueCases() []errorCase {
	return []errorCase{
		{name: "out of range", text: listeners("a: {address: \"127.0.0.1:1\", backlog: «0»}\nb: {address: \"unix:/x\", mode: «\"1777\"»}", "{a: 3, b: 4}") +
			"    replicas: «1001»\n    stop_grace_period: «25h»\n    stop_signal: «65»\n    rlimits: {nice: «41», cpu: «500ms», as: «9999999999T»}\n    resources: {memory.max: «1K», pids.max: «0», cpu.max: «0%»}\n    user: «4294967295»\n",
			codes: strings.Repeat("E501 ", 12), says: "from 1 to 65535"},
		{name: "signal that ends nothing", text: module("stop_signal: «SIGSTOP»"), codes: "E501", says: "SIGSTOP ends nothing"},
		{name: "signal that ends nothing, of the keyboard", text: module("stop_signal: «TSTP»"), codes: "E501", says: "SIGTSTP ends nothing"},
		{name: "signal that ends nothing, by number", text: module("stop_signal: «21»"), codes: "E501", says: "SIGTTIN ends nothing"},
		{name: "signal that ends nothing, of a terminal", text: module("stop_signal: «SIGTTOU»"), codes: "E501", says: "SIGTTOU ends nothing"},
		{name: "delays in the wrong order", text: module("restart: {policy: always, delay: 1m, max_delay: «1s»}"), codes: "E501"},
		{name: "a negative number", text: module("replicas: «-1»"), codes: "E501"},
		{name: "a tmpfs without a limit", text: mounts("[{path: /a, tmpfs: «0»}]"), codes: "E501"},
		{name: "units", text: mounts("[{path: /a, tmpfs: «16777216»}]", "stop_grace_period: «30»", "restart: {policy: always, delay: «0»}", "rlimits: {memlock: «65536», cpu: «10»}", "resources: {memory.max: «1000000», cpu.max: «50»}"),
			codes: strings.Repeat("E502 ", 7), says: "tmpfs has no unit"},
		{name: "unreadable", text: mounts("[{path: /a, tmpfs: «16MB»}]", "stop_grace_period: «-3s»", "replicas: «0x10»", "rlimits: {core: «lots», nofile: «1e3», as: «infinity»}", "resources: {memory.max: «1.5G», cpu.max: «half»}"),
			codes: strings.Repeat("E503 ", 8), hint: `did you mean "16M"?`},
		{name: "cpu.max", text: module("resources: {cpu.max: «50 x»}"), codes: "E503"},
		{name: "cpu.max out of range", text: module("resources: {cpu.max: «500 100000»}"), codes: "E501"},
		{name: "addresses", text: listeners("a: {address: «\":8080\"»}\nb: {address: «localhost:80»}\nc: {address: «\"http://x:1\"»}\nd: {address: «\"[::ffff:1.2.3.4]:80\"»}\ne: {address: «\"224.0.0.1:80\"»}\nf: {address: \"1.2.3.4:«99999»\"}", "{a: 3, b: 4, c: 5, d: 6, e: 7, f: 8}"),
			codes: strings.Repeat("E504 ", 5) + "E501", hint: `did you mean "0.0.0.0:8080" or "[::]:8080"?`},
		{name: "addresses of later versions", text: listeners("a: {address: «\"[fe80::1%eth0]:80\"»}\nb: {address: «\"unix:@x\"»}", "{a: 3, b: 4}"), codes: "E115 E115"},
		{name: "paths", text: listeners("a: {address: «\"unix:\"»}\nb: {address: «\"unix:/x/\"»}\nc: {address: «\"unix:/"+strings.Repeat("x", 107)+"\"»}", "{a: 3, b: 4, c: 5}") + "    working_dir: «\"a\\nb\"»\n", codes: "E505 E505 E505 E505"},
		{name: "paths of files", text: mounts("[{path: «\"\"»}, {path: «\"/a\\e[31m\"»}]"), codes: "E505 E505"},
		{name: "the root", text: mounts("[{path: «/»}, {path: «/a/../..»}]"), codes: "E506 E506"},
		{name: "kernel", text: strings.Replace(module("user: x"), "\n", "\nkernel: «\">6.1\"»\n", 1), codes: "E507"},
		{name: "kernel as a number", text: strings.Replace(module("user: x"), "\n", "\nkernel: «6.1»\n", 1), codes: "E507", hint: `write ">=6.1"`},
		{name: "kernel without a minor", text: strings.Replace(module("user: x"), "\n", "\nkernel: «\">=6\"»\n", 1), codes: "E507"},
		{name: "version 2", text: strings.Replace(module("user: x"), "1", "«2»", 1), codes: "E508"},
		{name: "version in quotes", text: strings.Replace(module("user: x"), "1", `«"1"»`, 1), codes: "E113"},
		{name: "NUL in strings", text: module(`user: «"a\0"»`, `environment: {A: «"b\x00"»}`), codes: "E509 E509"},
		{name: "modes", text: listeners("a: {address: \"unix:/x\", mode: «0660»}\nb: {address: \"unix:/y\", mode: «\"rw\"»}", "{a: 3, b: 4}"), codes: "E510 E510", hint: `did you mean "0660"?`},
		{name: "soft above hard", text: module("rlimits: {nofile: {soft: «200», hard: 100}, core: {soft: «unlimited», hard: 1M}}"), codes: "E511 E511"},
		{name: "environment entries", text: module("environment: [A=b, «C», «=d»]"), codes: "E512 E512"},
		{name: "commands", text: "version: 1\nmodules: {m: {command: [«nginx»], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\n", codes: "E513", help: "/usr/bin/nginx"},
		{name: "an empty command", text: "version: 1\nmodules: {m: {command: «[»], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\n", codes: "E513"},
		{name: "a directory as a command", text: "version: 1\nmodules: {m: {command: [«/bin/»], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\n", codes: "E513"},
		{name: "dollars", text: module("working_dir: /a/«$HOME»/b", "environment: {A: \"x«${»\", B: \"$$ok\"}"), codes: "E514 E514", help: "$$"},
		{name: "defaults of variables", text: module("working_dir: «${HOME:-/x}»"), codes: "E115"},
	}
}

func TestRelativePaths(t *testing.T) {
	text := strings.Replace(mounts("[{path: data}, {path: ../../../../etc}]", "working_dir: ."), "/bin/m", "./m", 1)
	p, ds := Parse("p.yaml", []byte(text), testOptions())
	if p == nil {
		t.Fatal(ds)
	}
	m := p.Modules[0]
	for got, want := range map[string]string{
		m.Command[0].V: "/srv/app/m", m.WorkingDir.V: "/srv/app", m.Filesystem[0].Path: "/srv/app/data", m.Filesystem[1].Path: "/etc",
	} {
		if got != want {
			t.Errorf("path %s, want %s", got, want)
		}
	}
	opt := testOptions()
	opt.Dir = ""
	if p, ds := Parse("p.yaml", []byte(text), opt); p != nil || strings.Count(ds.Error(), codePath) != 4 {
		t.Errorf("without a directory: %v", ds)
	}
}

func TestLooksNumeric(t *testing.T) {
	for s, want := range map[string]bool{
		"1": true, "-1": true, "1.5": true, "1e3": true, "0x1f": true, "0o17": true, "0b1": true, "1_000": true, ".5": true, ".inf": true, "-.INF": true,
		"": false, "a": false, "1a": false, "-": false, ".": false, "0x": false, "1e": false, "1.2.3": false, "16M": false, "-c": false, "e3": false,
	} {
		if got := looksNumeric(s); got != want {
			t.Errorf("looksNumeric(%q) = %v", s, got)
		}
	}
}
