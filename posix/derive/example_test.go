package derive_test

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/derive"
)

// The profile of a small program.
func Example() {
	program, err := derive.Load("./testdata/concrete", derive.Options{Arch: "amd64"})
	if err != nil {
		panic(err)
	}
	report, err := program.Analyze(nil)
	if err != nil {
		panic(err)
	}
	for _, op := range report.Operations {
		fmt.Println(op.Name, "reachable:", op.Reachable, op.Where)
	}
	list, err := report.Allow(derive.Reachable)
	if err != nil {
		panic(err)
	}
	fmt.Println("of posix.Core:", list.Core)
	fmt.Println("libraries:", list.Libraries) // of package os, before main
	// Output:
	// getpid reachable: true posix/derive/testdata/concrete/main.go:6
	// of posix.Core: [getpid]
	// libraries: [fstat]
}
