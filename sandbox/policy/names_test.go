package policy

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// groupNumbers are the groups from 0 on, with commas.
func groupNumbers(n int) string {
	var all []string
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return strings.Join(all, ", ")
}

func nameCases() []errorCase {
	return []errorCase{
		{name: "unknown call", text: seccomp("{allow: [read, «wirte»]}"), codes: "E201", hint: `did you mean "write"?`, says: `unknown system call "wirte"`},
		{name: "unknown call in a nested list", text: seccomp("{allow: [read, [close, [«nosuchcall»]]]}"), codes: "E201", hint: ""},
		{name: "a group without @", text: seccomp("{allow: [read, «process»]}"), codes: "E201", hint: `did you mean "@process"?`},
		{name: "call of another architecture", text: seccomp("{allow: [read, «socketcall»], deny: [«mmap2», «arm_fadvise64_64»]}"), codes: "E202 E202 E202", says: "i386"},
		{name: "unknown group", text: seccomp(`{allow: [read, «"@basic-oi"»]}`), codes: "E203", hint: `did you mean "@basic-io"?`},
		{name: "unknown capabilities", text: module("capabilities: [«NET_ADMIN», «Cap_Net_Raw», «cap_net_raw», «CAP_NET_ADMN», «net_bnd_service», «all», «xyz»]"),
			codes: strings.Repeat("E204 ", 7), hint: `did you mean "CAP_NET_ADMIN"?`},
		{name: "unknown namespaces", text: module("namespaces: [mount, network, «net», «mnt», «ptd», «xyz»]"), codes: "E205 E205 E205 E205", hint: `did you mean "network"?`},
		{name: "unknown limits", text: module("rlimits: {«NOFILE»: 1, «RLIMIT_CORE»: 0, «nofle»: 3, «xyz»: 1}"), codes: "E206 E206 E206 E206", hint: `did you mean "nofile"?`},
		{name: "unknown group files", text: module("resources: {«memory.mxa»: 1G, «xyz»: 1}"), codes: "E207 E207", hint: `did you mean "memory.max"?`},
		{name: "unknown signal", text: module("stop_signal: «SIGTREM»"), codes: "E208", hint: `did you mean "SIGTERM"?`},
		{name: "signal in small letters", text: module("stop_signal: «sigquit»"), codes: "E208", hint: `did you mean "SIGQUIT"?`},
		{name: "real-time signal out of range", text: module("stop_signal: «SIGRTMIN+31»"), codes: "E208"},
		{name: "unknown errors", text: seccomp("{default: errno «ENOSY», denied: errno «eperm», allow: [read]}"), codes: "E209 E209", hint: `did you mean "ENOSYS"?`},
		{name: "unknown variable", text: module("working_dir: /x/«${SUPERVISR}»", `environment: {A: "a«${USER}»b"}`), codes: "E210 E210", hint: `did you mean "SUPERVISOR"?`, help: "known: POLICY_DIR, SUPERVISOR"},
		{name: "numbers that are none", text: module("user: «007»", "group: «\"+1\"»"), codes: "E211 E211", hint: `did you mean "7"?`},
		{name: "odd numbers of users", text: module("user: «0x1»", "group: «1.5»"), codes: "E211 E211", help: ""},
		{name: "a negative number", text: module("user: «-1»"), codes: "E211", says: "decimal, without a sign"},
		{name: "bad groups", text: module("user: www", "group_add: [«\"1:\"», «\":\"», «\"\"», «007», «-1», «4294967295», «{»dynamic: true}, «[»a], 4294967294, 0]"),
			codes: "E211 E211 E211 E211 E211 E501 E113 E113"},
		{name: "groups twice", text: module("user: {dynamic: true}", "group_add: [audio, 44, «audio», «\"44\"»]"), codes: "E415 E415", says: "group audio is listed twice"},
		{name: "no groups", text: module("user: www", "group_add: «[»]"), codes: "E416"},
		{name: "groups that are no list", text: module("user: www", "group_add: «audio»"), codes: "E113", help: "write [audio]"},
		{name: "groups of nobody", text: module("group_add: «[»audio]"), codes: "E416", says: "without user"},
		{name: "the group again", text: module("user: www", "group: www", "group_add: [audio, «www»]"), codes: "E416", says: "already"},
		{name: "as many groups as there may be", text: module("user: www", "group_add: ["+groupNumbers(64)+"]"), codes: ""},
		{name: "too many groups", text: module("user: www", "group_add: ["+groupNumbers(64)+", «64»]"), codes: "E501", says: "has 65 groups; at most 64"},
		{name: "root's number", text: module("user: 0", "group: \"10\""), codes: ""},
		{name: "names", text: "version: 1\nlisteners: {«a/b»: {address: \"127.0.0.1:1\"}}\nprofiles: {«\"\"»: {}}\nmodules:\n  «../m»:\n    extends: \"\"\n    listeners: {a/b: 3}\n    command: [/m]\n    seccomp: {allow: [read]}\n    filesystem: [{path: /m}]\n",
			codes: "E211 E211 E211"},
		{name: "names of users", text: module("user: «a:b»", "group: «\"a b\"»"), codes: "E211 E211", help: "write user: a and group: b"},
		{name: "names of variables", text: module("environment: {«\"A=B\"»: x, «\"\"»: y}"), codes: "E211 E211"},
		{name: "unknown protection", text: module("best_effort: [«landlok», «everything»]"), codes: "E212 E212", hint: `did you mean "landlock"?`},
		{name: "choices", text: mounts("[{path: /a, access: «rww»}, {path: /b, access: «ro»}, {path: /c, proc: «pids»}, {path: /d, cgroup: «all»}]",
			"restart: «on_failure»", "listener_protocol: «nginxx»", "update_config: {order: «startfirst»}", "network: {mode: «hst»}"),
			codes: strings.Repeat("E213 ", 8), hint: `did you mean "rw"?`},
		{name: "restart policies of Compose", text: module("restart: {policy: «unless-stopped»}"), codes: "E213", hint: `did you mean "always"?`},
		{name: "unknown action", text: seccomp("{default: «kill», denied: «errn EPERM», allow: [read]}"), codes: "E213 E213", help: ""},
	}
}

func TestNearest(t *testing.T) {
	words := []string{"write", "writev", "read", "readv", "openat", "openat2"}
	for word, want := range map[string]string{
		"wirte": "write", "wrte": "write", "redv": "readv", "opena": "openat", "zzzz": "", "": "", "WRITE": "write",
		"opneat": "openat", strings.Repeat("w", 100): "",
	} {
		if got := nearest(word, slices.Values(words)); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
		slices.Reverse(words)
		if got := nearest(word, slices.Values(words)); got != want {
			t.Errorf("nearest(%q) depends on the order: %q", word, got)
		}
	}
}

func TestDistanceIsSymmetric(t *testing.T) {
	words := []string{"", "a", "ab", "ba", "abc", "write", "wirte", "netadmin"}
	for _, a := range words {
		for _, b := range words {
			if distance(a, b) != distance(b, a) || (distance(a, b) == 0) != (a == b) {
				t.Errorf("distance(%q, %q) = %d and %d", a, b, distance(a, b), distance(b, a))
			}
		}
	}
}

func TestEveryCapabilityHasItsName(t *testing.T) {
	seen := map[string]bool{}
	for number, name := range capabilityNames {
		if name == "" || seen[name] {
			t.Errorf("capability %d has the name %q", number, name)
		}
		seen[name] = true
	}
	if got := Capability(unix.CAP_NET_ADMIN).String(); got != "CAP_NET_ADMIN" {
		t.Errorf("CAP_NET_ADMIN is %s", got)
	}
	if got := Capability(200).String(); got != "CAP_?" {
		t.Errorf("capability 200 is %s", got)
	}
}

func TestSignalsAndErrors(t *testing.T) {
	for name, want := range map[string]int{
		"SIGTERM": 15, "TERM": 15, "15": 15, "SIGRTMIN": 34, "RTMIN+3": 37, "SIGRTMAX-1": 63, "SIGRTMIN+31": 0,
		"SIGNOPE": 0, "0": 0, "65": 0, "99999999999999999999": 0, "SIGRTMIN+": 0, "RTMIN-1": 0,
	} {
		if got := signalNumber(name); got != want {
			t.Errorf("signalNumber(%q) = %d, want %d", name, got, want)
		}
	}
	for name, want := range map[string]uint16{"EPERM": 1, "ENOSYS": 38, "EHWPOISON": 133, "EWOULDBLOCK": 11, "ENOTSUP": 95, "EDEADLOCK": 35, "E": 0, "": 0} {
		if got := errnoNumber(name); got != want {
			t.Errorf("errnoNumber(%q) = %d, want %d", name, got, want)
		}
	}
}
