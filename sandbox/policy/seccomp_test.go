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
		{name: "architectures", text: seccomp("{architectures: [native, «x32», «i386»], allow: [read]}"), codes: "E306 E306"},
		{name: "no architectures", text: seccomp("{architectures: «[»], allow: [read]}"), codes: "E306"},
		{name: "log", text: seccomp("{default: «log», denied: «log», allow: [read]}"), codes: "W307 W307", says: "nothing is denied"},
		{name: "covered by a group", text: seccomp(`{allow: [«read», "@basic-io"]}`), codes: "W308", says: `"@basic-io" on line 6`},
		{name: "many covered by a group", text: seccomp(`{allow: ["@basic-io", mmap, [«read», write]]}`), codes: "W308", says: "2 entries", help: "remove read, write"},
		{name: "a group covered by a group", text: seccomp(`{allow: [«"@basic-io"», "@io"]}`), codes: "W308"},
		{name: "a group further down covers", text: inherited("{allow: [read]}", "{allow: [«write», \"@basic-io\"]}", "{allow: [\"@io\"]}"), codes: "W308"},
		{name: "errno", text: seccomp("{default: «errno», denied: errno «5000», allow: [read]}"), codes: "E503 E501", hint: `did you mean "errno EPERM"?`},
		{name: "errno 0", text: seccomp("{denied: errno «0», allow: [read]}"), codes: "E501"},
		{name: "an argument too many", text: seccomp("{denied: «kill_process now», allow: [read]}"), codes: "E503"},
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
