// Command concrete knows which implementation it has.
package main

import "github.com/bulkhead/bulkhead/posix/linux"

func main() { _ = linux.New().Getpid() }
