package policy

import (
	"net/netip"
	"testing"
	"time"
)

// hosted returns a policy of a module in the host's network with a healthcheck.
func hosted(check string) string {
	return module("namespaces: [mount, pid]", "network: {mode: host}", "healthcheck: "+check)
}

func healthCases() []errorCase {
	web := "web: {address: \"127.0.0.1:80\"}"
	return []errorCase{
		{name: "notify", text: module("healthcheck: {notify: true, watchdog: 5s, start_period: 2m}"), codes: ""},
		{name: "tcp", text: hosted(`{tcp: "[::1]:80", interval: 1s, timeout: 100ms, retries: 1}`), codes: ""},
		{name: "neither notify nor tcp", text: module("healthcheck: «{»interval: 5s}"), codes: "E114", help: "notify: true"},
		{name: "notify and tcp", text: hosted(`{notify: true, «tcp»: "127.0.0.1:80"}`), codes: "E415"},
		{name: "a healthcheck of Compose", text: module("healthcheck: {«test»: [CMD, x], «disable»: true}"), codes: "E111 E111", help: "notify: true"},
		{name: "an unknown key of a healthcheck", text: module("healthcheck: {notify: true, «watchdgo»: 1s}"), codes: "E111", hint: `did you mean "watchdog"?`},
		{name: "a healthcheck of one word", text: module("healthcheck: «notify»"), codes: "E113"},
		{name: "notify false", text: module("healthcheck: {notify: «false»}"), codes: "E416"},
		{name: "notify of a number", text: module("healthcheck: {notify: «1»}"), codes: "E113"},
		{name: "keys of a probe with notify", text: module("healthcheck: {notify: true, «interval»: 1s, «timeout»: 1s, «retries»: 2}"), codes: "E416 E416 E416", help: "watchdog"},
		{name: "a watchdog with tcp", text: hosted(`{tcp: "127.0.0.1:80", «watchdog»: 1s}`), codes: "E416", help: "notify"},
		{name: "times of a healthcheck", text: hosted(`{tcp: "127.0.0.1:80", interval: «0s», timeout: «9ms», start_period: «0s», retries: «0»}`),
			codes: "E501 E501 E501 E501", says: "the shortest is 10ms"},
		{name: "a watchdog of a day and more", text: module("healthcheck: {notify: true, watchdog: «25h»}"), codes: "E501"},
		{name: "nothing to connect to", text: hosted(`{tcp: «"0.0.0.0:80"»}`), codes: "E504", hint: `did you mean "127.0.0.1:80"?`},
		{name: "nothing to connect to in v6", text: hosted(`{tcp: «"[::]:80"»}`), codes: "E504", hint: `did you mean "[::1]:80"?`},
		{name: "port 0", text: hosted(`{tcp: «"127.0.0.1:0"»}`), codes: "E504"},
		{name: "many hosts", text: hosted(`{tcp: «"224.0.0.1:80"»}`), codes: "E504"},
		{name: "a probe of a name", text: hosted(`{tcp: «"localhost:80"»}`), codes: "E504", help: "a number"},
		{name: "a probe with a zone", text: hosted(`{tcp: «"[fe80::1%lo]:80"»}`), codes: "E115"},
		{name: "a probe of a network of its own", text: module(`healthcheck: {tcp: «"127.0.0.1:80"»}`), codes: "E419", help: "mode: host"},
		{name: "a probe of another port than the listener's", text: listeners(web, "{web: 3}") + "    healthcheck: {tcp: «\"127.0.0.1:81\"»}\n", codes: "E419"},
		{name: "a probe of what the supervisor holds", text: listeners(web, "{web: 3}") + "    healthcheck: {tcp: «\"127.0.0.1:80\"»}\n", codes: "W420", says: `listener "web"`},
		{name: "a probe of every address", text: listeners("web: {address: \"0.0.0.0:80\"}", "{web: 3}") + "    healthcheck: {tcp: «\"127.0.0.9:80\"»}\n", codes: "W420"},
		{name: "start-first without listeners", text: module("update_config: {order: «start-first»}"), codes: "E421", help: "stop-first"},
		{name: "start-first with a listener", text: listeners(web, "{web: 3}") + "    update_config: {order: start-first}\n", codes: ""},
		{name: "start-first of a profile", text: "version: 1\nprofiles: {p: {update_config: {order: «start-first»}}}\n" + module("extends: p")[len("version: 1\n"):], codes: "E421"},
		{name: "datagrams", text: listeners("a: {address: \"udp:127.0.0.1:53\"}\nb: {address: \"127.0.0.1:53\"}\nc: {address: \"udp:[::]:53\"}\nd: {address: \"udp:127.0.0.1:0\"}", "{a: 3, b: 4, c: 5, d: 6}"), codes: ""},
		{name: "two of datagrams", text: listeners("a: {address: \"udp:127.0.0.1:53\"}\nb: {address: «\"udp:0.0.0.0:53\"»}", "{a: 3, b: 4}"), codes: "E407"},
		{name: "no effect on datagrams", text: listeners("a: {address: \"udp:127.0.0.1:53\", «backlog»: 5, «mode»: \"0600\"}", "{a: 3}"), codes: "E416 E416", says: "UDP"},
		{name: "addresses of datagrams", text: listeners("a: {address: «\"udp:\"»}\nb: {address: «\"udp::53\"»}\nc: {address: «\"udp:[::ffff:1.2.3.4]:5\"»}\nd: {address: «\"udp:224.0.0.1:5\"»}", "{a: 3, b: 4, c: 5, d: 6}"),
			codes: "E504 E504 E504 E504"},
		{name: "a port of datagrams", text: listeners("b: {address: «\"udp::53\"»}", "{b: 3}"), codes: "E504", hint: `did you mean "udp:0.0.0.0:53" or "udp:[::]:53"?`},
		{name: "a dynamic user", text: module("user: {dynamic: true}"), codes: ""},
		{name: "a dynamic user that is none", text: module("user: {dynamic: «false»}"), codes: "E416"},
		{name: "a dynamic user of a number", text: module("user: {dynamic: «1»}"), codes: "E113"},
		{name: "no dynamic user", text: module("user: «{»}"), codes: "E114"},
		{name: "an unknown key of a user", text: module("user: {«dynamc»: true, dynamic: true}"), codes: "E111", hint: `did you mean "dynamic"?`},
		{name: "a dynamic user with a group", text: module("user: {dynamic: true}", "group: «www»"), codes: "E416"},
		{name: "a dynamic group", text: module("user: www", "group: «{»dynamic: true}"), codes: "E113", help: "of its own"},
		{name: "a dynamic owner of a socket", text: listeners("a: {address: \"unix:/x\", user: «{»dynamic: true}}", "{a: 3}"), codes: "E113"},
		{name: "a control socket", text: mounts("[{path: /m}, {path: /run/s, control: self}]"), codes: ""},
		{name: "a control socket of everything", text: mounts("[{path: /m}, {path: /run/s, control: «all»}]"), codes: "E213", help: "", hint: ""},
		{name: "a control socket with access", text: mounts("[{path: /m}, {path: /run/s, control: self, access: «rw»}, {path: /run/t, control: self, «if_exists»: true, «mode»: \"0600\"}]"), codes: "E416 E416 E416"},
		{name: "control and tmpfs", text: mounts("[{path: /m}, {path: /run/s, control: self, «tmpfs»: 1M}]"), codes: "E415"},
	}
}

func parseOne(t *testing.T, text string) (*Policy, *Module) {
	t.Helper()
	p, ds := Parse("p.yaml", []byte(text), testOptions())
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	return p, &p.Modules[0]
}

func TestHealth(t *testing.T) {
	_, m := parseOne(t, hosted(`{tcp: "[::1]:80", interval: 1s, timeout: 100ms, retries: 7, start_period: 3m}`))
	h := m.Health
	if h.Kind.V != "tcp" || h.Addr != netip.MustParseAddrPort("[::1]:80") || h.Interval.V != time.Second || h.Timeout.V != 100*time.Millisecond ||
		h.Retries.V != 7 || h.StartPeriod.V != 3*time.Minute || h.Watchdog.V != 0 {
		t.Errorf("%+v", h)
	}
	if h.Pos.Line != 9 || h.Kind.Pos.Col != 19 {
		t.Errorf("at %v and %v", h.Pos, h.Kind.Pos)
	}
	_, m = parseOne(t, module("healthcheck: {notify: true, watchdog: 5s}"))
	if h := m.Health; h.Kind.V != "notify" || h.Watchdog.V != 5*time.Second || h.Interval.V != 10*time.Second || h.Timeout.V != time.Second || h.Retries.V != 3 {
		t.Errorf("%+v", h)
	}
}

func TestStartTimeout(t *testing.T) {
	for check, want := range map[string]time.Duration{
		"user: x": 0, "healthcheck: {notify: true}": 30 * time.Second, "healthcheck: {notify: true, start_period: 2m}": 2 * time.Minute,
	} {
		if _, m := parseOne(t, module(check)); m.Health.StartTimeout() != want {
			t.Errorf("%s: a start may take %s, want %s", check, m.Health.StartTimeout(), want)
		}
	}
}

// TestHealthOfAProfile: a profile may have the times and the module the kind.
func TestHealthOfAProfile(t *testing.T) {
	text := "version: 1\nprofiles: {p: {healthcheck: {start_period: 1m}}}\n" + module("extends: p", "healthcheck: {notify: true}")[len("version: 1\n"):]
	if _, m := parseOne(t, text); m.Health.Kind.V != "notify" || m.Health.StartPeriod.V != time.Minute {
		t.Errorf("%+v", m.Health)
	}
}

func TestUDPListener(t *testing.T) {
	p, _ := parseOne(t, listeners("dns: {address: \"udp:[::]:53\"}", "{dns: 3}"))
	if l := p.Listeners[0]; l.Network != "udp" || l.Addr != netip.MustParseAddrPort("[::]:53") || l.Backlog.V != 0 {
		t.Errorf("%+v", l)
	}
}

func TestDynamicUserAndControl(t *testing.T) {
	text := "version: 1\nmodules:\n  m: {user: {dynamic: true}, command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}, {path: /run/s, control: self}]}\n" +
		"  n: {user: {dynamic: true}, command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}]}\n"
	_, m := parseOne(t, text) // without a finding: each dynamic user is another one
	if !m.DynamicUser.V || !m.DynamicUser.Set() || m.User.Set() {
		t.Errorf("%+v, user %+v", m.DynamicUser, m.User)
	}
	if c := m.Filesystem[1]; c.Kind != MountControl || c.Path != "/run/s" {
		t.Errorf("%+v", c)
	}
}
