package main

import (
	"fmt"
	"strings"
)

// checkLines is how long the policy of the check is.
const checkLines = 200

// checks measures `supervisor policy check`.
func (b *bench) checks() error {
	text := checkPolicy()
	if _, err := parse("check.yaml", text); err != nil {
		return err
	}
	path, err := b.write("check.yaml", []byte(text), 0o644)
	if err != nil {
		return err
	}
	check := command{argv: []string{b.supervisor, "policy", "check", path}, filter: -1}
	s, err := takeTurns(b.rounds(100), contender{"supervisor policy check", b.starter(check.child(b.null))})
	if err != nil {
		return err
	}
	figure("check_ms", s[0].median(), 20)
	return nil
}

const checkHead = `version: 1
kernel: ">=5.13"

profiles:
  base:
    capabilities: []
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: none}
    rlimits: {nofile: 1024, core: 0}
    seccomp:
      architectures: [native]
      default: errno ENOSYS
      denied: errno EPERM
      allow: ["@default", "@basic-io", "@file-system", "@io-event", "@signal", "@process", "@sync", "@timer"]
      deny: ["@mount", "@keyring", ptrace, process_vm_readv, process_vm_writev]

listeners:
%s
modules:
%s`

// checkPolicy returns a policy of checkLines lines, as somebody would write one for a site with many services.
func checkPolicy() string {
	var listeners, modules strings.Builder
	for i := 0; ; i++ {
		listener := fmt.Sprintf("  http%d: {address: \"127.0.0.1:%d\", backlog: 511}\n", i, 8000+i)
		module := fmt.Sprintf(`  service%[1]d:
    extends: base
    command: [/usr/sbin/service%[1]d, --config, /etc/service%[1]d/main.conf, --foreground]
    user: service%[1]d
    environment: {PATH: "/usr/bin:/bin", LANG: C.UTF-8}
    listeners: {http%[1]d: 3}
    stop_grace_period: 30s
    seccomp:
      allow:
        - "@network-io"
        - [sched_setaffinity, sched_setscheduler, mlock, munlock]
    filesystem:
      - {path: /usr, access: rx}
      - {path: /lib, access: rx}
      - {path: /etc/service%[1]d, access: r}
      - {path: /var/lib/service%[1]d, access: rw}
      - {path: /tmp, tmpfs: 16M, access: rw}
    resources: {memory.max: 256M, pids.max: 64}
`, i)
		text := fmt.Sprintf(checkHead, listeners.String()+listener, modules.String()+module)
		if strings.Count(text, "\n") > checkLines {
			text = fmt.Sprintf(checkHead, listeners.String(), modules.String())
			return text + strings.Repeat("# Another service goes here.\n", checkLines-strings.Count(text, "\n"))
		}
		listeners.WriteString(listener)
		modules.WriteString(module)
	}
}
