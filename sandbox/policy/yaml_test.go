package policy

import (
	"strings"
	"testing"
)

func yamlCases() []errorCase {
	return []errorCase{
		{name: "empty", text: "«»", codes: "E101", help: "version: 1"},
		{name: "blank", text: "«» \n\n  \n", codes: "E101"},
		{name: "comments only", text: "«#» nothing\n# here\n", codes: "E101"},
		{name: "only a document start", text: "«-»--\n", codes: "E101"},
		{name: "too large", text: "«#»" + strings.Repeat("x", maxText), codes: "E102"},
		{name: "NUL byte", text: "version: 1\nkernel: x«\x00»\n", codes: "E103", says: "U+0000"},
		{name: "escape character", text: "version: 1\nkernel: «\x1b»[31m\n", codes: "E103"},
		{name: "old Mac line ends", text: "version: 1«\r»modules: {}\r", codes: "E103"},
		{name: "not UTF-8", text: "version: 1\nkernel: «\xff»\n", codes: "E103", says: "0xff"},
		{name: "a tab indents", text: "version: 1\nmodules:\n«\t»m: {}\n«\t»n: {}\n", codes: "E104 E104", help: "spaces"},
		{name: "a tab between words and an error after it", text: module("user:«\t»«true»"), codes: "E104 E211"},
		{name: "deep flow", text: "a: " + strings.Repeat("[", 63) + "«[»" + strings.Repeat("[\n", 10000), codes: "E105"},
		{name: "deep flow map", text: "a: " + strings.Repeat("{a: ", 63) + "«{»a: " + strings.Repeat("{a: ", 900), codes: "E105"},
		{name: "deep lists in one line", text: strings.Repeat("- ", 64) + "«-» " + strings.Repeat("- ", 1000), codes: "E105"},
		{name: "deep maps", text: deepMaps(64) + strings.Repeat(" ", 64) + "a«:»\n" + strings.Repeat(" ", 65) + "a:\n", codes: "E105"},
		{name: "too many tokens", text: "a: [" + strings.Repeat("x,\n", 19998) + "x«,»x]", codes: "E106"},
		{name: "a long line", text: module("user: " + strings.Repeat("x", 4086) + "«x»xx"), codes: "E106"},
		{name: "a long key", text: "«" + strings.Repeat("k", 129) + "»: 1\n", codes: "E106"},
		{name: "many signs", text: "a: é «" + strings.Repeat("<", maxLess+1) + "»\n", codes: "E106"},
		{name: "many empty lines", text: "version: 1" + strings.Repeat("\n", 101) + "«»\nmodules: {}\n", codes: "E106"},
		{name: "many profiles", text: "version: 1\nprofiles:\n" + manyKeys("p", 250) + "  «last»: {}\nmodules: {m: {command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\n",
			codes: "E106"},
		{name: "an open quote", text: "version: 1\nkernel: «\">=6.1»\n", codes: "E107"},
		{name: "an open list", text: module("user: x", "rlimits: «{»nofile: 1"), codes: "E107"},
		{name: "kernel without quotes", text: "version: 1\nkernel: «>=6.1»\nmodules: {}\n", codes: "E107", help: "quotes"},
		{name: "groups without quotes", text: seccomp("{allow: [«@»default, «@»basic-io]}"), codes: "E107 E107", help: `write "@default"`},
		{name: "wrong indentation", text: "version: 1\nmodules:\n  m:\n    user: «a»\n     group: b\n", codes: "E107"},
		{name: "an escape without digits", text: module(`user: "a«\x»4z«\u»00"`), codes: "E107 E107"},
		{name: "half a surrogate pair", text: module(`user: "a«\u»dc00"`), codes: "E107"},
		{name: "a list in the middle of a map", text: "version: 1\n«-» x\n", codes: "E107"},
		{name: "anchor and alias", text: module("environment: «&x» {A: b}", "user: «*x»"), codes: "E108 E108", help: "profile"},
		{name: "an alias of several lines", text: "«*\"»\nc\n\"", codes: "E108"},
		{name: "merge key", text: module("rlimits: {«<<»: {nofile: 1}}"), codes: "E108"},
		{name: "an anchor bomb", text: "a: «&a» [x,x,x,x,x,x,x,x,x]\nb: «&b» [«*a»,*a,*a,*a,*a,*a,*a,*a]\n", codes: "E108 E108 E108"},
		{name: "a tag", text: module("user: «!!str» 1000"), codes: "E109"},
		{name: "reset", text: module("capabilities: «!reset» []", "«usr»: x", "user: «!reset» null"), codes: "E416 E111 E416", says: "!reset has no effect"},
		{name: "a reset of nothing", text: module("rlimits: «!reset»", "capabilities: []"), codes: "E107"},
		{name: "another tag", text: module("capabilities: «!override» []", "rlimits: «!rest» {}"), codes: "E109 E109", hint: `did you mean "!reset"?`},
		{name: "two documents", text: module("user: x") + "«---»\nversion: 1\n", codes: "E110"},
		{name: "something after the end", text: module("user: x") + "...\n«version»: 1\n", codes: "E110"},
		{name: "a directive", text: "«%»YAML 1.2\n---\nversion: 1\n", codes: "E110"},
		{name: "unknown keys everywhere", text: "version: 1\n«modulse»: {}\nlisteners: {a: {address: \"127.0.0.1:1\", «backlgo»: 1}}\nmodules:\n  m:\n    command: [/m]\n    «usr»: x\n    listeners: {a: 3}\n    restart: {policy: always, «dealy»: 1s}\n    seccomp: {allow: [read], «denny»: [write]}\n    filesystem: [{path: /m, «acces»: r}]\n    network: {mode: none, «mod»: x}\n    update_config: {order: stop-first, «ordr»: x}\n    rlimits: {nofile: {soft: 10, hard: 10, «har»: 10}}\n",
			codes: strings.Repeat("E111 ", 9), hint: `did you mean "modules"?`},
		{name: "keys of Compose", text: module("«cap_add»: [NET_ADMIN]", "«ulimits»: {nofile: 1}", "«ports»: [80]", "«volumes»: [a]", "«network_mode»: host", "«security_opt»: x", "«mem_limit»: 1", "«entrypoint»: x", "«scale»: 3", "«pid»: host"),
			codes: strings.Repeat("E111 ", 10), help: "`capabilities` is the exact set"},
		{name: "duplicate keys", text: module("user: a", "«user»: b", "rlimits: {nofile: 100, «nofile»: 200}") + "«modules»: {}\n",
			codes: "E112 E112 E112", help: "line 7"},
		{name: "not a map", text: "«-» version: 1\n", codes: "E113", says: "found a list"},
		{name: "a word only", text: "«hello»\n", codes: "E113"},
		{name: "wrong types", text: "version: 1\nlisteners: «[»]\nprofiles: «7»\nmodules: «x»\n", codes: "E113 E113 E113"},
		{name: "wrong types in a module", text: module("environment: «7»", "user: «[»a]", "listeners: «[»http]", "replicas: «two»", "restart: «[»x]",
			"network: «none»", "capabilities: «net_admin»", "namespaces: «{»}", "rlimits: «[»1]", "resources: «x»", "best_effort: «pid»", "update_config: «x»",
			"stop_signal: «{»}"),
			codes: strings.Repeat("E113 ", 13), says: "found the number 7"},
		{name: "nothing where something must be", text: "version: 1\nmodules:\n  m:«»\n", codes: "E113", says: "found nothing"},
		{name: "numbers as strings", text: module("working_dir: «12»", `replicas: «"3"»`, "environment: {A: «true», B: «~», C: 1.5}"), codes: "E113 E113 E113 E113", help: "quotes"},
		{name: "a command of one string", text: "version: 1\nmodules: {m: {command: «nginx -g x», seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\n", codes: "E113", help: "write [nginx, -g, x]"},
		{name: "a number in a command", text: "version: 1\nmodules: {m: {command: [/m, «80»], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\n", codes: "E113", help: `"80"`},
		{name: "missing keys", text: "«k»ernel: \">=6.1\"\n", codes: "E114+E114"},
		{name: "missing keys of a module", text: "version: 1\nmodules:\n  «m»: {user: x}\n", codes: "E114+E114+E114"},
		{name: "no module", text: "version: 1\nmodules: «{»}\n", codes: "E114"},
		{name: "an entry without a path", text: mounts("[«{»access: r}]"), codes: "E114"},
		{name: "an empty file-system list", text: mounts("«[»]"), codes: "E114"},
		{name: "network without mode", text: module("network: «{»}"), codes: "E114"},
		{name: "half a limit", text: module("rlimits: {nofile: «{»soft: 100}}"), codes: "E114"},
		{name: "restart without policy", text: module("restart: «{»delay: 1s}"), codes: "E114"},
		{name: "not in this version", text: "version: 1\n" + strings.TrimPrefix(module(
			"healthcheck: {«http»: x, «exec»: [/bin/true], «start_interval»: 1s}", "«depends_on»: {}", "replicas: «{»min: 1}",
			"resources: {«io.latency»: 200, «hugetlb.max»: 1G}"), "version: 1\n"),
			codes: strings.Repeat("E115 ", 7), says: "`http` is not in this version of supervisor; remove it"},
		{name: "a complex key", text: "«?» a\n: b\n", codes: "E118"},
		{name: "a list as a key", text: module("environment: {«~»: x}"), codes: "E118"},
	}
}

func deepMaps(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func manyKeys(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  " + prefix + strings.Repeat("x", i%60) + string(rune('a'+i/60)) + ": {}\n")
	}
	return b.String()
}

func TestTooManyFindings(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\nmodules:\n  m:\n    seccomp:\n      allow:\n")
	for range 5000 {
		b.WriteString("      - nosuchcall\n")
	}
	_, ds := Parse("p.yaml", []byte(b.String()), testOptions())
	if len(ds) != maxFindings+1 || ds[len(ds)-1].Code != codeTooMany {
		t.Errorf("%d findings, the last is %v", len(ds), ds[len(ds)-1])
	}
}

func TestParserPanic(t *testing.T) {
	d := &decoder{src: &source{file: "p.yaml", lines: []string{"a"}}}
	if n := d.guarded(func() *node { panic("index out of range") }); n != nil {
		t.Errorf("a node came out of a panic: %v", n)
	}
	if len(d.diags) != 1 || d.diags[0].Code != codeParserBug || d.diags[0].Pos.Line != 1 {
		t.Errorf("findings %v", d.diags)
	}
}

func TestAcceptedForms(t *testing.T) {
	valid := module("user: x")
	for name, text := range map[string]string{
		"CR LF":                strings.ReplaceAll(valid, "\n", "\r\n"),
		"byte order mark":      "\ufeff" + valid,
		"no newline at end":    strings.TrimSuffix(valid, "\n"),
		"document start":       "---\n" + valid,
		"document end":         valid + "...\n",
		"comments":             "# a\n" + strings.ReplaceAll(valid, "\n", " # é\n"),
		"trailing empty lines": valid + strings.Repeat("\n", 1000),
		"as JSON":              `{"version": 1, "modules": {"m": {"command": ["/bin/m"], "seccomp": {"allow": ["read"]}, "filesystem": [{"path": "/bin"}]}}}`,
		"a block of text":      module("environment:", "  SCRIPT: |", "    one", "      two", "  OTHER: >-", "    a", "    b"),
	} {
		if p, ds := Parse("p.yaml", []byte(text), testOptions()); p == nil || len(ds) != 0 {
			t.Errorf("%s: %v", name, ds)
		}
	}
}

func TestPositionsAfterWideCharactersAndCRLF(t *testing.T) {
	for name, marked := range map[string]string{
		"wide":       "version: 1\nmodules: {m: {command: [/日本, «8»]}} # 日本\n",
		"multi-line": "version: 1\nmodules:\n  m:\n    environment:\n      A: one\n        two\n      B: \"three\n        four\" # x\n      C: |\n        five\n\n      D: «true»\n",
		"CR LF":      "version: 1\r\nmodules:\r\n  m:\r\n    environment: {A: 'x', B: «true»}\r\n",
		"after BOM":  "\ufeffversion: 1\nmodules: {m: {environment: {A: «true»}}}\n",
	} {
		text, spans := culprits(strings.ReplaceAll(marked, "\ufeff", ""))
		if strings.HasPrefix(marked, "\ufeff") {
			text = "\ufeff" + text
		}
		_, ds := Parse("p.yaml", []byte(text), testOptions())
		found := false
		for _, d := range ds {
			found = found || d.Code == codeType && d.Pos == spans[0].pos && d.Width == spans[0].width
		}
		if !found {
			t.Errorf("%s: want E113 at %v, got\n%v", name, spans[0], ds)
		}
	}
}
