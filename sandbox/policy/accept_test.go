package policy

import (
	"testing"
	"time"
)

func acceptCases() []errorCase {
	tests := func(list string) string { return module() + "tests:\n  - " + list + "\n" }
	return []errorCase{
		{name: "accept", text: module("accept: [{rule: C08, reason: x, until: 2027-01-01}]"), codes: ""},
		{name: "accept without a part", text: module("accept: [«{»rule: C08, reason: x}, «{»rule: C09, until: 2027-01-01}, «{»reason: x, until: 2027-01-01}, «x»]"), codes: "E114 E114 E114 E113"},
		{name: "an empty reason", text: module(`accept: [{rule: C08, reason: «" "», until: 2027-01-01}]`), codes: "E503"},
		{name: "another form of a date", text: module(`accept: [{rule: C08, reason: x, until: «01.02.2027»}, {rule: C09, reason: x, until: «2027-02-30»}, {rule: C10, reason: x, until: «2027-1-2»}]`),
			codes: "E503 E503 E503", hint: `did you mean "2027-02-01"?`},
		{name: "a rule that is none", text: module(`accept: [{rule: «c08», reason: x, until: 2027-01-01}, {rule: «8», reason: x, until: 2027-01-01}]`), codes: "E503 E503", hint: `did you mean "C08"?`},
		{name: "accepted twice", text: module(`accept: [{rule: C08, reason: x, until: 2027-01-01}, «{»rule: C08, reason: y, until: 2027-01-01}]`), codes: "E415"},
		{name: "tests", text: tests("{name: a, module: m, call: read(), expect: allowed}\n  - {name: b, module: m, trace: t.strace, expect: errno EPERM}\n  - {name: c, module: m, subset_of: other.yaml}"), codes: ""},
		{name: "a test of another module", text: tests("{name: a, module: «mm», call: read(), expect: allowed}"), codes: "E422", hint: `did you mean "m"?`},
		{name: "a test of nothing", text: tests("«{»name: a, module: m, expect: allowed}"), codes: "E114"},
		{name: "a test of two things", text: tests("{name: a, module: m, call: read(), «trace»: x, expect: allowed}"), codes: "E415"},
		{name: "a test without expect", text: tests("«{»name: a, module: m, call: read()}"), codes: "E114"},
		{name: "a test of a subset with expect", text: tests("{name: a, module: m, subset_of: x, «expect»: allowed}"), codes: "E416"},
		{name: "expectations", text: tests("{name: a, module: m, call: read(), expect: «allow»}\n  - {name: b, module: m, call: read(), expect: «denied»}\n  - {name: «b», module: m, call: read(), expect: «errno»}"),
			codes: "E213 E213 E415 E503", hint: `did you mean "allowed"?`},
	}
}

func TestAcceptAndTestsAreRead(t *testing.T) {
	text := module("accept: [{rule: C08, reason: the resolver, until: 2027-01-02}]") + "tests: [{name: a, module: m, trace: t.strace, expect: errno EPERM}, {name: b, module: m, call: \"read(0)\", expect: allowed}]\n"
	p, ds := Parse("p.yaml", []byte(text), testOptions())
	if len(ds) != 0 {
		t.Fatal(ds)
	}
	a := p.Modules[0].Accept
	if len(a) != 1 || a[0].Rule != "C08" || a[0].Reason != "the resolver" || !a[0].Until.Equal(time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)) || a[0].Pos.Line != 7 {
		t.Errorf("accept %+v", a)
	}
	if len(p.Tests) != 2 || p.Tests[0].Trace.V != "/srv/app/t.strace" || p.Tests[0].Expect.V != (Action{ActionErrno, 1}) || p.Tests[1].Call.V != "read(0)" || p.Tests[1].Expect.V.Kind != ActionAllow {
		t.Errorf("tests %+v", p.Tests)
	}
}

// TestReset: what stands behind the tag is all there is, and nothing behind it is as if no profile had the key.
func TestReset(t *testing.T) {
	for own, want := range map[string]struct{ allow, deny, limits, user int }{
		"extends: p": {2, 1, 1, 1},
		"extends: p\n    seccomp: {allow: !reset [close]}":                                                     {1, 1, 1, 1},
		"extends: p\n    seccomp: {allow: [close], deny: !reset []}":                                           {3, 0, 1, 1},
		"extends: p\n    seccomp: {allow: [close], deny: !reset null }":                                        {3, 0, 1, 1},
		"extends: p\n    seccomp: !reset {allow: [close]}":                                                     {1, 0, 1, 1},
		"extends: p\n    seccomp:\n      allow: !reset\n        - close\n        - mmap\n        - brk":        {3, 1, 1, 1},
		"extends: p\n    rlimits: !reset null\n    user: !reset null\n    seccomp:\n      deny: !reset null\n": {2, 0, 0, 0},
	} {
		text := "version: 1\nprofiles:\n  p: {user: x, rlimits: {core: 0}, seccomp: {allow: [read, write], deny: [{call: kill, overridable: true}]}}\nmodules:\n  m:\n    command: [/bin/m]\n" +
			"    filesystem: [{path: /bin, access: rx}]\n    " + own + "\n"
		p, ds := Parse("p.yaml", []byte(text), testOptions())
		if p == nil {
			t.Errorf("%s: %v", own, ds)
			continue
		}
		m := p.Modules[0]
		if len(m.Seccomp.Allow) != want.allow || len(m.Seccomp.Deny) != want.deny || len(m.Rlimits) != want.limits || len(m.User.V) != want.user {
			t.Errorf("%s: %d allowed, %d denied, %d limits, user %q; want %+v", own, len(m.Seccomp.Allow), len(m.Seccomp.Deny), len(m.Rlimits), m.User.V, want)
		}
	}
}
