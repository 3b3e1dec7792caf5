// Command victim tries what a sandbox should refuse and says what the kernel answered: see package victim of the end-to-end tests.
//
//posixvet:exempt a part of tests: it tries what is forbidden
package main

import (
	"os"

	"github.com/bulkhead/bulkhead/tests/e2e/victim"
)

func main() { os.Exit(victim.Main(os.Args[1:], os.Stdout)) }
