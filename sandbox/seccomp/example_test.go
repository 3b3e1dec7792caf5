package seccomp_test

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

func ExampleVerify() {
	rules, err := seccomp.Resolve(policy.Seccomp{Allow: []policy.Call{{Name: "read"}, {Name: "write"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	tooMuch := bpf.Program{{Code: bpf.RET | bpf.K, K: bpf.RetAllow}}
	_, err = seccomp.Verify(tooMuch.Bytes(), rules)
	var d *seccomp.Difference
	if errors.As(err, &d) {
		fmt.Println("got", bpf.Describe(d.Got)+", want", bpf.Describe(d.Want))
	}
	// Output: got allow, want kill_process
}

func ExampleAllowList() {
	filter, err := seccomp.AllowList([]string{"read", "write", "exit_group"}, bpf.RetErrno|1)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := bpf.Decode(filter.Program); err == nil {
		fmt.Println("the kernel takes it")
	}
	// Output: the kernel takes it
}
