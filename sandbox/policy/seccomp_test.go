package policy

import (
	"strings"
	"testing"
)

// inherited returns a policy whose module extends child, which extends base.
func inherited(base, child, own string) string {
	return "version: 1\nprofiles:\n  base:\n    seccomp: " + base + "\n  child:\n    extends: base\n    seccomp: " + child +
		"\nmodules:\n  m:\n    extends: child\n    command: [/bin/m]\n    filesystem: [{path: /bin, access: rx}]\n    seccomp: " + own + "\n"
}

// siblings returns a policy whose module extends two profiles that know nothing of each other.
func siblings(a, b, own string) string {
	return "version: 1\nprofiles:\n  a: {seccomp: " + a + "}\n  b: {seccomp: " + b + "}\nmodules:\n  m:\n    extends: [a, b]\n    command: [/bin/m]\n" +
		"    filesystem: [{path: /bin, access: rx}]\n    seccomp: " + own + "\n"
}

func seccompCases() []errorCase {
	return []errorCase{
		{name: "allow as an action", text: seccomp("{default: «allow», denied: «allow», allow: [read]}"), codes: "E302 E302", says: "restricts nothing"},
		{name: "user_notif", text: seccomp("{denied: «user_notif», allow: [read]}"), codes: "E302", says: "until denial reports exist"},
		{name: "trace", text: seccomp("{denied: «trace 1», allow: [read]}"), codes: "E503"},
		{name: "trace without an argument", text: seccomp("{denied: «trace», allow: [read]}"), codes: "E115"},
		{name: "listed twice", text: seccomp(`{allow: [read, write, [«read»], "@process", «"@process"»], deny: [mmap, «mmap»]}`), codes: "E303 E303 E303", help: "line 6"},
		{name: "listed in the profile already", text: inherited("{allow: [read]}", "{allow: [write]}", "{allow: [«read», close]}"), codes: "E303", help: "line 4"},
		{name: "listed in two profiles that know nothing of each other", text: siblings("{allow: [read]}", "{allow: [read]}", "{deny: [mmap]}"), codes: ""},
		{name: "denied beside it", text: seccomp(`{allow: [read, «write», «"@process"»], deny: [write, "@process", mmap]}`), codes: "E304 E304", help: "deny beats allow"},
		{name: "denied above it", text: inherited("{deny: [ptrace]}", "{allow: [«ptrace», read]}", "{allow: [write]}"), codes: "E304", says: "line 4"},
		{name: "denied further above it", text: inherited("{deny: [ptrace]}", "{allow: [read]}", "{allow: [«ptrace»]}"), codes: "E304"},
		{name: "denied below it", text: inherited("{allow: [ptrace, read]}", "{allow: [write]}", "{deny: [ptrace]}"), codes: ""},
		{name: "denied by a profile beside it", text: siblings("{allow: [ptrace, read]}", "{deny: [ptrace]}", "{deny: [mmap]}"), codes: ""},
		{name: "denied and not allowed", text: seccomp("{allow: [read], deny: [ptrace]}"), codes: ""},
		{name: "a group denied in part", text: seccomp(`{allow: ["@process"], deny: [execve, execveat]}`), codes: ""},
		{name: "nothing allowed", text: seccomp("{allow: «[»]}"), codes: "E305"},
		{name: "nothing left", text: inherited("{allow: «[»read]}", "{deny: [write]}", "{deny: [read]}"), codes: "E305"},
		{name: "no allow", text: seccomp("«{»deny: [read]}"), codes: "E114"},
		{name: "architectures", text: seccomp("{architectures: [native, x32, «x33», «i386»], allow: [read]}"), codes: "E306 E306", hint: `did you mean "x32"?`},
		{name: "native left out", text: seccomp("{architectures: «[»x32], allow: [read]}"), codes: "E306"},
		{name: "no architectures", text: seccomp("{architectures: «[»], allow: [read]}"), codes: "E306"},
		{name: "log", text: seccomp("{default: «log», denied: «log», allow: [read]}"), codes: "W307 W307", says: "nothing is denied"},
		{name: "covered by a group", text: seccomp(`{allow: [«read», "@basic-io"]}`), codes: "W308", says: `"@basic-io" on line 6`},
		{name: "many covered by a group", text: seccomp(`{allow: ["@basic-io", mmap, [«read», write]]}`), codes: "W308", says: "2 entries", help: "remove read, write"},
		{name: "a group covered by a group", text: seccomp(`{allow: [«"@basic-io"», "@io"]}`), codes: "W308"},
		{name: "a group further down covers", text: inherited("{allow: [read]}", "{allow: [«write», \"@basic-io\"]}", "{allow: [\"@io\"]}"), codes: "W308"},
		{name: "errno", text: seccomp("{default: «errno», denied: errno «5000», allow: [read]}"), codes: "E503 E501", hint: `did you mean "errno EPERM"?`},
		{name: "errno 0", text: seccomp("{denied: errno «0», allow: [read]}"), codes: "E501"},
		{name: "an expression in quotes with escapes", text: seccomp(`{allow: [{call: socket, when: "family\x20== «AF_INTE»"}, {call: mmap, when: 'prot == «"»'}]}`), codes: "E311 E309",
			hint: `did you mean "AF_INET"?`},
		{name: "an expression on many lines", text: seccomp("\n      allow:\n        - {call: socket, when: \"family\n            == AF_INET && «famly»\n            == 1\"}\n" +
			"        - call: openat\n          when: >\n            flags ==\n              «O_CREATT»\n        - call: kill\n          when: sig\n            == «SIGTRM»\n"), codes: "E310 E311 E311"},
		{name: "a pointer", text: seccomp(`{allow: [{call: openat, when: "«filename == 7»"}]}`), codes: "E301", help: "modules.m.filesystem"},
		{name: "a pointer in a profile", text: inherited(`{allow: [{call: openat, when: "«filename == 7»"}]}`, "{allow: [read]}", "{allow: [write]}"), codes: "E301", help: "profiles.base.filesystem"},
		{name: "all that is wrong with an expression", text: seccomp(`{allow: [{call: socket, when: "«famly» == 1 && type == «AF_INTE» && protocol == «99999999999»"}]}`), codes: "E310 E311 E313"},
		{name: "an argument no constant fits", text: seccomp(`{allow: [{call: read, when: "fd == «-1»"}]}`), codes: "E313", hint: `did you mean "0xffffffff"?`},
		{name: "a precedence trap", text: seccomp(`{allow: [{call: openat, when: "«flags & O_CREAT == O_CREAT»"}]}`), codes: "E315", hint: `did you mean "(flags & O_CREAT) == O_CREAT"?`},
		{name: "a precedence trap and a wrong name", codes: "E310 E315",
			text: seccomp(`{allow: [{call: openat, when: "«flgs» == 3 && «flags & O_CREAT == O_CREAT»"}]}`)},
		{name: "a shift", text: seccomp(`{allow: [{call: openat, when: "flags == 1 «<<» 3"}]}`), codes: "E312"},
		{name: "never", text: seccomp(`{allow: [{call: openat, when: "«flags == 1 && flags == 2»"}]}`), codes: "E314"},
		{name: "no arguments", text: seccomp(`{allow: [{call: getpid, when: "«x == 1»"}]}`), codes: "E316"},
		{name: "a condition on a group", text: seccomp(`{allow: [{call: «"@basic-io"», when: "fd == 1"}]}`), codes: "E316"},
		{name: "supported everywhere", text: seccomp(`{allow: [{call: read, if_supported: «true»}, {call: listmount, if_supported: true}]}`), codes: "W321"},
		{name: "a condition and a group", text: seccomp(`{allow: ["@network-io", {call: «socket», when: "family == 1"}]}`), codes: "W317"},
		{name: "a condition and a name", text: seccomp(`{allow: [socket, {call: «socket», when: "family == 1"}, {call: mmap, when: "prot == 1"}, «mmap»]}`), codes: "E318 E318"},
		{name: "a condition twice", text: seccomp(`{allow: [{call: socket, when: "family==1"}, {call: «socket», when: "(family == 1)"}]}`), codes: "E303"},
		{name: "alternatives", text: seccomp(`{allow: [{call: socket, when: "family == 1"}, {call: socket, when: "family == 2"}]}`), codes: ""},
		{name: "denied under one condition", text: seccomp(`{allow: [socket], deny: [{call: socket, when: "family == 2"}]}`), codes: ""},
		{name: "the same condition denied", text: seccomp(`{allow: [{call: «socket», when: "family == 2"}], deny: [{call: socket, when: "family == 2"}]}`), codes: "E304"},
		{name: "the keys of a rule", text: seccomp(`{allow: [«{»when: "family == 2"}, {call: read, «wen»: x}, {call: write, «action»: errno EPERM}, {call: «[»]}, read], deny: [{call: ptrace, action: errno ENOSYS}, {call: kill, action: «nothing»}]}`),
			codes: "E114 E111 E111 E114 E213"},
		{name: "flags of a rule", text: seccomp(`{allow: [{call: read, if_supported: «false»}], deny: [{call: ptrace, overridable: «true»}]}`), codes: "E416 E416"},
		{name: "if supported", text: seccomp(`{allow: [read, {call: mmap2, if_supported: true}, {call: «mmmap», if_supported: true}, «mmap2»]}`), codes: "E201 E202", hint: `did you mean "mmap"?`},
		{name: "newer than the kernel", text: "kernel: \">=6.1\"\n" + seccomp(`{allow: [read, clone3, «listmount»], deny: [ptrace]}`), codes: "E319", help: `kernel: ">=6.8"`},
		{name: "newer and said so", text: "kernel: \">=6.1\"\n" + seccomp(`{allow: [read, {call: listmount, if_supported: true}]}`), codes: ""},
		{name: "a deny that may be lifted", text: inherited("{allow: [read], deny: [{call: ptrace, overridable: true}]}", "{allow: [ptrace]}", "{allow: [write]}"), codes: ""},
		{name: "a deny reset", text: inherited("{allow: [read], deny: [ptrace]}", "{allow: [write]}", "{deny: «!reset» []}"), codes: "E320"},
		{name: "a whole filter reset", text: inherited("{allow: [read], deny: [ptrace]}", "{allow: [write]}", "«!reset» {allow: [close]}"), codes: "E320"},
		{name: "an include without a loader", text: "include: [«a.yaml»]\n" + seccomp("{allow: [read]}"), codes: "E423"},
		{name: "an argument too many", text: seccomp("{denied: «kill_process now», allow: [read]}"), codes: "E503"},
	}
}

// TestOverridable: what a child allows under a condition stays denied otherwise, even where another profile allows it.
func TestOverridable(t *testing.T) {
	for own, want := range map[string]string{
		`{allow: [write]}`:                          "kill",
		`{allow: [kill]}`:                           "",
		`{allow: [{call: kill, when: "sig == 0"}]}`: "kill when !(sig == 0)",
	} {
		p, ds := Parse("p.yaml", []byte(inherited(`{allow: [read], deny: [{call: kill, overridable: true}]}`, "{allow: [close]}", own)), testOptions())
		if p == nil {
			t.Fatal(ds)
		}
		got := ""
		for _, c := range p.Modules[0].Seccomp.Deny {
			got += c.Name
			if c.When != nil {
				got += " when " + c.When.String()
				if _, err := c.When.Lower(c.Name, testCatalog()); err != nil {
					t.Error(err)
				}
			}
		}
		if got != want {
			t.Errorf("%s: deny %q, want %q", own, got, want)
		}
	}
}

func TestSeccompAfterMerging(t *testing.T) {
	text := inherited(`{denied: errno EACCES, allow: ["@process", read], deny: [execveat]}`, `{allow: ["@basic-io", close]}`, "{denied: kill_thread, allow: [mmap], deny: [kill, ptrace]}")
	p, ds := Parse("p.yaml", []byte(text), testOptions())
	if p == nil {
		t.Fatal(ds)
	}
	s := p.Modules[0].Seccomp
	var allow, deny []string
	for _, c := range s.Allow {
		allow = append(allow, c.Group+":"+c.Name)
	}
	for _, c := range s.Deny {
		deny = append(deny, c.Group+":"+c.Name)
	}
	if got, want := strings.Join(allow, " "), ":close @process:execve @basic-io:lseek :mmap :read @basic-io:write"; got != want {
		t.Errorf("allow %s, want %s", got, want)
	}
	if got, want := strings.Join(deny, " "), ":execveat :kill :ptrace"; got != want {
		t.Errorf("deny %s, want %s", got, want)
	}
	if s.Denied.V.Kind != ActionKillThread || s.Denied.Pos.Line != 13 {
		t.Errorf("denied %+v", s.Denied)
	}
	if s.Default.V != (Action{ActionErrno, 38}) || s.Default.Set() {
		t.Errorf("default %+v", s.Default)
	}
}
