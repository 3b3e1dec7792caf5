package cgroup_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// A launch: make the group, join it, and afterwards leave nothing behind.
func Example() {
	kernel := linux.New()
	facts, err := host.Probe(kernel)
	if err != nil {
		log.Fatal(err)
	}
	limits := []policy.Resource{{Key: "memory.max", Limit: 256 << 20}, {Key: "pids.max", Limit: 64}}
	root, err := cgroup.Open(kernel, facts, cgroup.Options{Controllers: cgroup.Controllers(limits...)})
	var unavailable *cgroup.UnavailableError
	if errors.As(err, &unavailable) {
		log.Fatalf("the policy wants limits, and this host has none: %v", unavailable)
	}
	defer func() { _ = root.Close() }()

	instance, err := root.Instance("web", "0", limits)
	if err != nil {
		log.Fatal(err)
	}
	join, err := instance.Join()
	if err != nil {
		log.Fatal(err)
	}
	// … clone3 into join.Into; the child writes "0" to each of join.Procs …
	_ = join.Close()

	err = errors.Join(instance.Kill(2*time.Second), instance.Remove())
	fmt.Println(err)
}

// The controllers that a policy needs decide which hierarchies are used.
func ExampleControllers() {
	fmt.Println(cgroup.Controllers(policy.Resource{Key: "memory.max"}, policy.Resource{Key: "cpu.max"}))
	// Output: {memory, cpu}
}
