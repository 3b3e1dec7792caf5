package policy

import (
	"fmt"
	"strings"
	"testing"
)

func chain(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\nprofiles:\n  p1: {user: x}\n")
	for i := 2; i <= n; i++ {
		mark, end := "", ""
		if i == maxExtends+1 {
			mark, end = "«", "»"
		}
		fmt.Fprintf(&b, "  p%d: {extends: %sp%d%s}\n", i, mark, i-1, end)
	}
	b.WriteString(strings.TrimPrefix(module(fmt.Sprintf("extends: p%d", n)), "version: 1\n"))
	return b.String()
}

func referenceCases() []errorCase {
	return []errorCase{
		{name: "unknown profile", text: "version: 1\nprofiles: {base: {user: x}}\n" + strings.TrimPrefix(module("extends: «bsae»"), "version: 1\n"),
			codes: "E401", hint: `did you mean "base"?`, says: "defined: base"},
		{name: "profile of itself", text: "version: 1\nprofiles: {a: {extends: «a»}}\n" + strings.TrimPrefix(module("extends: a"), "version: 1\n"), codes: "E402"},
		{name: "cycle", text: "version: 1\nprofiles:\n  a: {extends: b}\n  b: {extends: [c]}\n  c: {extends: «a»}\n" + strings.TrimPrefix(module("extends: a"), "version: 1\n"),
			codes: "E402", says: `profile "c" extends itself through "a"`},
		{name: "eight profiles deep", text: chain(8), codes: ""},
		{name: "nine profiles deep", text: chain(9), codes: "E403"},
		{name: "twelve profiles deep", text: chain(12), codes: "E403"},
		{name: "unused profiles", text: "version: 1\nprofiles:\n  a: {user: x}\n  «b»: {extends: a}\n  «c»: {extends: b}\n" + strings.TrimPrefix(module("extends: a"), "version: 1\n"), codes: "E404 E404"},
		{name: "extended twice", text: "version: 1\nprofiles:\n  a: {user: x}\n" + strings.TrimPrefix(module("extends: [a, «a»]"), "version: 1\n"), codes: "E415"},
		{name: "unknown listener", text: listeners("http: {address: \"127.0.0.1:1\"}\nhttps: {address: \"127.0.0.1:2\"}", "{http: 3, «htps»: 4}"),
			codes: "E405", hint: `did you mean "https"?`, says: `listener "htps" is not defined; defined: http, https`},
		{name: "the supervisor's own sockets", text: listeners("a: {address: \"127.0.0.1:1\"}", "{a: 3, \"@notify\": 4, \"@control\": 5}") + "    healthcheck: {notify: true}\n", codes: ""},
		{name: "an own socket that is not there", text: listeners("a: {address: \"127.0.0.1:1\"}", "{a: 3, «\"@notfy\"»: 4}"), codes: "E405", hint: `did you mean "@notify"?`},
		{name: "a listener with a name of the supervisor's", text: listeners("«\"@notify\"»: {address: \"127.0.0.1:1\"}", "{\"@notify\": 3}") + "    healthcheck: {notify: true}\n", codes: "E211"},
		{name: "nobody waits for the notification", text: module("listeners: {«\"@notify\"»: 3}"), codes: "E416", says: "without a healthcheck"},
		{name: "one socket twice", text: mounts("[{path: /m}, {path: /run/s, control: self}]", "listeners: {«\"@control\"»: 3}"), codes: "E415"},
		{name: "own sockets and nginx", text: module("listeners: {«\"@control\"»: 3}", "listener_protocol: nginx"), codes: "E416"},
		{name: "start-first with nothing but own sockets", text: module("listeners: {\"@control\": 3}", "update_config: {order: «start-first»}"), codes: "E421"},
		{name: "no listeners at all", text: module("listeners: {«http»: 3}"), codes: "E405", says: "defined: none"},
		{name: "unused listener", text: listeners("a: {address: \"127.0.0.1:1\"}\n«b»: {address: \"127.0.0.1:2\"}", "{a: 3}"), codes: "E406"},
		{name: "same address", text: listeners("a: {address: \"127.0.0.1:1\"}\nb: {address: «\"127.0.0.1:1\"»}\nc: {address: \"unix:/x\"}\nd: {address: «\"unix:/y/../x\"»}", "{a: 3, b: 4, c: 5, d: 6}"), codes: "E407 E407"},
		{name: "overlapping addresses", text: listeners("a: {address: \"127.0.0.1:1\"}\nb: {address: «\"0.0.0.0:1\"»}\nc: {address: \"[::]:1\"}\nd: {address: «\"[::1]:1\"»}", "{a: 3, b: 4, c: 5, d: 6}"), codes: "E407 E407"},
		{name: "addresses that go together", text: listeners("a: {address: \"127.0.0.1:1\"}\nb: {address: \"127.0.0.2:1\"}\nc: {address: \"[::1]:1\"}\nd: {address: \"127.0.0.1:0\"}\ne: {address: \"127.0.0.1:0\"}", "{a: 3, b: 4, c: 5, d: 6, e: 7}"), codes: ""},
		{name: "two listeners on one descriptor", text: listeners("a: {address: \"127.0.0.1:1\"}\nb: {address: \"127.0.0.1:2\"}", "{a: 3, b: «3»}"),
			codes: "E408", says: `two listeners on one descriptor: "a" and "b" both on 3`},
		{name: "a gap", text: listeners("a: {address: \"127.0.0.1:1\"}\nb: {address: \"127.0.0.1:2\"}", "{a: 3, b: «5»}"), codes: "E409"},
		{name: "not from 3", text: listeners("a: {address: \"127.0.0.1:1\"}", "{a: «4»}"), codes: "E409"},
		{name: "a mistyped namespace contradicts nothing", text: module("namespaces: [«mont», «netwrk»]", "network: {mode: loopback}"), codes: "E205 E205"},
		{name: "a path listed twice in a broken entry", text: mounts("[{path: /a, access: «ro»}, {path: «/a»}]"), codes: "E213 E415"},
		{name: "host network in a namespace", text: module("network: {mode: «host»}"), codes: "E410"},
		{name: "loopback without a namespace", text: module("namespaces: [mount]", "network: {mode: «loopback»}"), codes: "E410"},
		{name: "the host's network in silence", text: module("namespaces: «[»mount, pid]"), codes: "E410", help: "mode: host"},
		{name: "files without a mount namespace", text: "version: 1\nmodules: {m: {command: [/m], seccomp: {allow: [read]}, namespaces: [network], «filesystem»: [{path: /m}]}}\n", codes: "E411"},
		{name: "proc without a pid namespace", text: mounts("[{path: /m}, «{»path: /proc, proc: all}]", "namespaces: [mount, network]"), codes: "E412"},
		{name: "best effort without need", text: module("namespaces: [mount, network]", "best_effort: [seccomp, landlock, capabilities, mount, «pid», «resources»]"), codes: "E413 E413"},
		{name: "nofile of 3", text: module("rlimits: {«nofile»: 3}"), codes: "E414", says: "nofile 3 is too small"},
		{name: "nofile and listeners", text: listeners("a: {address: \"127.0.0.1:1\"}\nb: {address: \"127.0.0.1:2\"}", "{a: 3, b: 4}") + "    rlimits: {«nofile»: {soft: 5, hard: 100}}\n", codes: "E414"},
		{name: "listed twice", text: mounts("[{path: /a}, {path: «/b/../a/»}]", "capabilities: [net_admin, «CAP_NET_ADMIN»]", "namespaces: [mount, network, «mount»]",
			"environment: [A=b, «A=c»]", "resources: {pids.max: 1}", "best_effort: [mount, «mount», resources, «pids.max»]"), codes: "E415 E415 E415 E415 E415 E415"},
		{name: "tmpfs and proc", text: mounts("[{path: /a, tmpfs: 1M, «proc»: all}]"), codes: "E415"},
		{name: "no effect", text: listeners("a: {address: \"127.0.0.1:1\", «mode»: \"0600\", «user»: x, «group»: y}", "{a: 3}"), codes: "E416 E416 E416"},
		{name: "no effect in a module", text: mounts("[{path: /a, «mode»: \"0700\"}, {path: /b, tmpfs: 1M, «if_exists»: true}, {path: /p, proc: all, access: «rx»}]",
			"restart: {policy: no, «delay»: 1s, «burst»: 3}", "listener_protocol: «nginx»", "group: «x»"), codes: strings.Repeat("E416 ", 7)},
		{name: "names and clocks without namespaces", text: module("namespaces: [mount, pid, network]", "«hostname»: a", "«domainname»: b", "«time_offsets»: {boottime: 1h}"), codes: "E425 E425 E425"},
		{name: "attributes", text: module("namespaces: [mount, uts, network, time]", "hostname: «-a»", "domainname: «a_b»", "umask: «0077»", "nice: «20»", "oom_score_adj: «-1001»",
			"cpu_affinity: [«3-1», «x», 2, «1-2», «1024», «-1»]", "time_offsets: {monotonic: «-», boottime: «-25h»}"), codes: "E503 E503 E510 E501 E501 E503 E503 E415 E503 E503 E113 E501"},
		{name: "attributes without effect", text: module("namespaces: [mount, network, time]", "cpu_affinity: «[»]", "time_offsets: «{»}"), codes: "E416 E416"},
		{name: "ports", text: module("network: {mode: loopback, connect: [{tcp: [«0», «70000», «9-1», «x», 5, «1-5», «1-2000»]}, «{»}, {tcp: [«1»], «udp»: [1]}], scope: [«signals», signal, «signal»]}"),
			codes: "E501 E503 E503 E503 E415 E106 E114 E415 E111 E213 E415"},
		{name: "ports of no network", text: module("network: {mode: none, «connect»: [{tcp: [1]}], «bind»: []}"), codes: "E416 E416"},
		{name: "resources", text: module("resources: {cpu.weight: «0», memory.high: «1K», memory.oom.group: «false», cpuset.cpus: [«2-1»], memory.swap.max: «x»}"), codes: "E501 E501 E416 E503 E503"},
		{name: "weights of disks", text: module("resources: {io.weight: «0»}"), codes: "E501"},
		{name: "a weight too many", text: module("resources: {io.weight: «10001»}"), codes: "E501"},
		{name: "resources of other types", text: module("resources: {cpu.weight: «max», memory.oom.group: «1», cpuset.cpus: «0-3»}"), codes: "E113 E113 E113"},
		{name: "disks", text: module("resources: {io.max: {«vda»: {rbps: 1M}, «\"8\"»: {rbps: 1M}, «\"8:x\"»: {rbps: 1M}, «\"0:5\"»: {rbps: 1M}, «\"8:1048576\"»: {rbps: 1M}, «rbps»: 1M, " +
			"\"8:0\": {rbps: 1M}, «\"08:0\"»: {rbps: 1M}, /dev/vda: {rbps: 1M}, «/dev//vda»: {rbps: 1M}, «\"/a\\n\"»: {rbps: 1M}}}"), codes: "E505 E505 E505 E501 E501 E505 E415 E415 E505"},
		{name: "rates", text: module("resources: {io.max: {/a: {rbps: «-1», wbps: «9223372036854775808», riops: «12x», wiops: «\" -1\"»}, /b: {rbps: «1K», wbps: «\" -1\"», riops: «1», wiops: «4294967295»}, " +
			"/c: {rbps: «12x», wbps: «100», riops: «10M», wiops: «-1»}, /d: {rbps: «8589934592G», «rbp»: 1M}}}"), codes: "E501 E502 E113 E113 E501 E501 E501 E501 E503 E502 E113 E501 E501 E111", help: "256M"},
		{name: "too many disks", text: module("resources: {io.max: {" + manyDisks(16) + "«\"9:9\"»: {rbps: 1M}, \"9:10\": {rbps: 1M}}}"), codes: "E501", says: "18 disks; at most 16"},
		{name: "no rates", text: module("resources: {io.max: «{»}}"), codes: "E416"},
		{name: "a disk without rates", text: module("resources: {io.max: {«/a»: {}, /b: «10M», /c: «max»}}"), codes: "E416 E113 E113"},
		{name: "no map of disks", text: module("resources: {io.max: «\"8:0 rbps=1048576\"»}"), codes: "E113", says: "rbps: 10M"},
		{name: "hidepid without effect", text: mounts("[{path: /a, «hidepid»: invisible}, {path: /b, tmpfs: 1M, «hidepid»: noaccess}, {path: /p, proc: pid, hidepid: ptraceable}]"), codes: "E416 E416"},
		{name: "masked and read_only without effect", text: mounts("[{path: /a, «masked»: []}, {path: /b, tmpfs: 1M, «read_only»: []}, {path: /p, proc: pid, «masked»: [default], «read_only»: [default]}]"),
			codes: "E416 E416 E416 E416"},
		{name: "read_only in a proc that is", text: mounts("[{path: /p, proc: all, «read_only»: [default]}]"), codes: "E416", says: "access r", help: "access: rw"},
		{name: "lists of paths in proc", text: mounts("[{path: /p, proc: all, access: rw, masked: [default, /p/sys/vm, /p/x], read_only: []}]"), codes: ""},
		{name: "no list of paths in proc", text: mounts("[{path: /p, proc: all, masked: «/p/keys»}]"), codes: "E113", says: "[default, /p/mdstat]"},
		{name: "no paths in proc", text: mounts("[{path: /p, proc: all, masked: [«1», «keys», «\"\"», «all», «../x», «{»}]}]"), codes: "E113 E505 E505 E505 E505 E113"},
		{name: "odd paths in proc", text: mounts("[{path: /p, proc: all, masked: [«/p/», «/p//keys», «/p/./keys», «/p/../etc», «\"/p/a\\nb\"», «/proc/keys», «/p», «/px», /p/keys]}]"),
			codes: "E505 E505 E505 E505 E505 E505 E505 E505"},
		{name: "paths of processes", text: mounts("[{path: /p, proc: all, masked: [«/p/self», «/p/1/maps», «/p/thread-self/fd», «/p/net/tcp», «/p/mounts», /p/1x]}]"), codes: "E505 E505 E505 E505 E505"},
		{name: "paths in proc twice", text: mounts("[{path: /p, proc: all, masked: [default, /p/x, «/p/x», «default»]}]"), codes: "E415 E415"},
		{name: "paths in proc that are closed already", text: mounts("[{path: /p, proc: all, access: rw, masked: [default, «/p/keys», «/p/scsi/scsi», /p/a, «/p/a/b»], read_only: [/p/sys, «/p/sys/vm»]}]"),
			codes: "E416 E416 E416 E416"},
		{name: "masked and read-only", text: mounts("[{path: /p, proc: all, access: rw, masked: [/p/a], read_only: [default, «/p/a»] }]"), codes: "E416", says: "/p/a is masked"},
		{name: "masked by default and read-only", text: mounts("[{path: /p, proc: all, access: rw, read_only: [«/p/kcore»]}]"), codes: "E416", says: "masked by default"},
		{name: "dev without effect", text: mounts("[{path: /a, dev: minimal, access: «rw»}, {path: /b, dev: minimal, «if_exists»: true}, {path: /c, dev: minimal, «mode»: \"0700\"}]"), codes: "E416 E416 E416"},
		{name: "nosymfollow without effect", text: mounts("[{path: /a, nosymfollow: false}, {path: /b, tmpfs: 1M, «nosymfollow»: true}, {path: /p, proc: all, «nosymfollow»: true}]"), codes: "E416 E416"},
		{name: "source without effect", text: mounts("[{path: /a, source: «/a/.»}, {path: /b, tmpfs: 1M, «source»: /c}, {path: /d, source: «/»}]"), codes: "E416 E416 E506"},
		{name: "an empty list over a full one", text: "version: 1\nprofiles: {p: {capabilities: [net_admin], environment: {A: b}}}\n" +
			strings.TrimPrefix(module("extends: p", "capabilities: «[»]", "environment: «{»}"), "version: 1\n"), codes: "E416 E416", help: "!reset"},
		{name: "variables of the supervisor", text: listeners("a: {address: \"127.0.0.1:1\"}", "{a: 3}") + "    listener_protocol: nginx\n    environment: {«LISTEN_FDS»: 3, «NGINX»: \"3;\"}\n", codes: "E417 E417"},
		{name: "two modules of one user", text: "version: 1\nmodules:\n  a: {user: www, command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}]}\n  b: {user: «www», command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}]}\n",
			codes: "W418", says: `"a" and "b"`},
		{name: "two modules of one user from a profile", text: "version: 1\nprofiles: {p: {user: www, command: [/m], seccomp: {allow: [read]}, filesystem: [{path: /m}]}}\nmodules:\n  a: {extends: p}\n  «b»: {extends: p}\n", codes: "W418"},
		{name: "an error of a profile is said once", text: "version: 1\nprofiles: {p: {«usr»: www, command: [/m], seccomp: {allow: [«raed»]}, filesystem: [{path: /m}]}}\nmodules:\n  a: {extends: p}\n  b: {extends: p}\n", codes: "E111 E201"},
	}
}

func TestTooMuchMerged(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\nprofiles:\n  p:\n    environment:\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "      V%d: x\n", i)
	}
	b.WriteString("modules:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "  m%d: {extends: p, environment: {A: b}}\n", i)
	}
	_, ds := Parse("p.yaml", []byte(b.String()), testOptions())
	if !strings.Contains(ds.Error(), codeTooMuch) && !strings.Contains(ds.Error(), codeTooMany) {
		t.Errorf("findings %v", ds[:min(len(ds), 5)])
	}
}

func manyDisks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\"8:%d\": {rbps: 1M}, ", i)
	}
	return b.String()
}
