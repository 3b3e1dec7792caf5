package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// site is how many modules the larger of the compiled policies has. All but one extend a profile, as the services of a site do.
const site = 100

const siteHead = `version: 1
profiles:
  worker:
    user: {dynamic: true}
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: none}
    capabilities: []
    filesystem:
      - {path: /usr, access: rx}
      - {path: /lib, access: rx}
      - {path: /lib64, access: rx, if_exists: true}
      - {path: /etc, access: r}
      - {path: /tmp, tmpfs: 16M, access: rw}
      - {path: /dev/null, access: rw}
    restart: {policy: on-failure}
    resources: {memory.max: 64M, pids.max: 8}
    best_effort: [resources]
    seccomp:
      allow: ["@default", "@basic-io", "@file-system", "@signal", "@process"]
      deny: [execve, execveat]
modules:
  front:
    command: [/usr/bin/sleep, infinity]
    user: nobody
    filesystem: [{path: /usr, access: rx}, {path: /lib, access: rx}, {path: /lib64, access: rx, if_exists: true}]
    seccomp: {allow: ["@system-service"]}
`

// sitePolicy returns a policy of n modules, at least two.
func sitePolicy(n int) string {
	var t strings.Builder
	t.WriteString(siteHead)
	for i := range n - 1 {
		fmt.Fprintf(&t, "  worker%[1]d: {extends: worker, command: [/usr/bin/sleep, \"%[1]d\"]}\n", i+1)
	}
	return t.String()
}

// compilesSite measures what a reload of a policy of many modules waits for before anything is changed.
func (b *bench) compilesSite() (err error) {
	l, err := launch.New(b.kernel, launch.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	compiles := func(n int) contender {
		text := []byte(sitePolicy(n))
		return contender{fmt.Sprintf("compile %d modules", n), func() (time.Duration, error) {
			begin := time.Now()
			plan, err := compile.Run(b.kernel, l, compile.Request{Sources: []compile.Source{{Name: "site.yaml", Dir: "/", Text: text}}, Facts: b.facts})
			took := time.Since(begin)
			if err == nil && len(plan.Modules) != n {
				err = fmt.Errorf("there is no plan:\n%s", plan.Rendered)
			}
			return took, err
		}}
	}
	s, err := takeTurns(b.rounds(30), compiles(site), compiles(2))
	if err != nil {
		return err
	}
	figure("compile_100_ms", s[0].median(), 0)
	figure("compile_100_vs_2", ratio(s), 0)
	return nil
}
