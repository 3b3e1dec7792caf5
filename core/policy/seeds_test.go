package policy

import "testing"

// seed is a text and where it stands, as in places.
type seed struct {
	place uint8
	text  string
}

func seeds() []seed {
	return []seed{
		{0, "version: 1\nmodules:\n  a:\n    command: [/a]\n    filesystem: [{path: /b}]\n    seccomp: {allow: [read]}\n"},
		{0, "a: &x [*x, *x]\n"},
		{0, "socket(AF_UNIX, 1|~2<<3, _)"},
		{0, "1 socket(AF_INET, 5</a>, \"\\\"\" <unfinished ...>\n1 <... socket resumed>) = -1 EPERM (no)\n--- SIGCHLD {} ---\n"},
		{0, "12 17:01:02 read(3, \"\\1\"..., 5) = 5 <0.000012>\n"},
		{1, "\"@default\", openat"},
		{1, "{call: mmap, when: \"!(prot & PROT_EXEC)\", if_supported: true}, [write, futex]"},
		{1, "{call: [kill, tgkill], when: \"sig has SIGTERM\"}"},
		{1, "{call: ioctl, when: \"raw64(cmd) == TIOCSTI\"}, {call: ioctl, when: \"cmd == TCGETS\"}"},
		{2, "default: errno ENOSYS, denied: kill_process"},
		{2, "architectures: [native, x86, x32], denied: trap"},
		{2, "architectures: [native], default: log"},
		{3, "family in [AF_INET, 2..7] && !((type & 0xf) == 3)"},
		{3, "raw64(protocol) < 9 || (type & SOCK_TYPE_MASK) != 5"},
		{4, "user: {dynamic: true}"},
		{4, "rlimits: {nofile: {soft: 9, hard: 10}, as: 1G}"},
		{4, "resources: {memory.max: 1M, cpu.max: 5%}"},
		{4, "capabilities: [kill]\n    namespaces: [mount, pid, network, user]"},
		{4, "network: {mode: loopback}\n    environment: [A=1, \"B=$$\"]"},
		{4, "restart: {policy: always, delay: 2s}"},
		{4, "accept: [{rule: C08, reason: x, until: 2030-01-01}]"},
		{4, "stop_signal: RTMIN+3 # why\n    # it\n    stop_grace_period: 1m30s"},
		{4, "best_effort: [landlock]\n    working_dir: /usr"},
		{5, "path: /usr/lib, access: rx, if_exists: true"},
		{5, "path: /tmp, tmpfs: 16M, mode: \"0700\", access: rwx"},
		{5, "path: /proc, proc: pid}, {path: /x, access: r"},
		{6, "call: \"read(0, _, 1)\", expect: allowed"},
		{6, "call: \"socket(AF_PACKET, SOCK_RAW, 0)\", expect: errno EPERM"},
		{6, "trace: /t, expect: allowed"},
		{7, "address: \"unix:/run/a\", mode: \"0660\""},
		{7, "address: \"[::1]:80\", backlog: 7"},
		{7, "address: \"udp:127.0.0.1:53\""},
	}
}

// TestSeeds: a seed that is not valid where it stands starts the fuzzing nowhere.
func TestSeeds(t *testing.T) {
	c := newChain(t)
	for _, s := range seeds() {
		if text := places()[s.place](s.text); s.place != 0 && !c.policy(t, []byte(text)) {
			_, ds := c.parse([]byte(text))
			t.Errorf("%v\n%s", ds, text)
		}
	}
}
