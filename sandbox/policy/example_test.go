package policy_test

import (
	"fmt"
	"os"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func ExampleParse() {
	text := []byte(`version: 1
modules:
  hello:
    command: [/usr/bin/hello]
    seccomp:
      allow: [wirte, exit_group]
    filesystem:
      - {path: /usr, access: rx}
    stop_grace_period: 10
`)
	catalog := policy.Catalog{Calls: map[string]struct{}{"write": {}, "exit_group": {}}}
	p, findings := policy.Parse("hello.yaml", text, policy.Options{Catalog: catalog})
	fmt.Println(p == nil, findings.HasErrors())
	if err := policy.Render(os.Stdout, findings, text); err != nil {
		fmt.Println(err)
	}
	// Output:
	// true true
	// error[E201]: unknown system call "wirte"
	//   hello.yaml:6:15
	//     6 |       allow: [wirte, exit_group]
	//       |               ^^^^^ did you mean "write"?
	// error[E502]: stop_grace_period has no unit
	//   hello.yaml:9:24   help: units are ms, s, m and h
	//     9 |     stop_grace_period: 10
	//       |                        ^^ did you mean "10s" or "10ms"?
}
