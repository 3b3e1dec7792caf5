// Command command chooses, as it may.
package main

import (
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func main() {
	posix.Use(linux.New())
	_ = posix.Active().Getpid()
}
