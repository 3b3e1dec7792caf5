// Command posixvet reports system calls that do not go through posix.Core. It is run by the go command:
//
//	go vet -vettool=$(pwd)/bin/posixvet ./...
//
// and lists the exceptions of the module that it stands in, each with its reason:
//
//	posixvet leaks [DIRECTORY]
//
// What is a finding, how exceptions are written and what is not seen: package posix/vet.
//
//posixvet:exempt a tool for who writes Go, which runs when somebody builds this
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/bulkhead/bulkhead/posix/vet"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "leaks" {
		os.Exit(leaks(os.Args[2:]))
	}
	unitchecker.Main(vet.Analyzer)
}

// leaks prints every exception below a directory.
func leaks(args []string) int {
	dir := "."
	switch len(args) {
	case 0:
	case 1:
		dir = args[0]
	default:
		fmt.Fprintln(os.Stderr, "usage: posixvet leaks [DIRECTORY]")
		return 2
	}
	list, err := vet.Leaks(os.DirFS(dir))
	if err == nil {
		err = vet.WriteLeaks(os.Stdout, list)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "posixvet:", err)
		return 1
	}
	return 0
}
