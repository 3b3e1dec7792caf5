// Command layers has a stack of decorators, which have all methods and call what is called.
package main

import (
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func main() {
	posix.Use(errs.New(linux.New()))
	use(posix.Active())
}

func use(k posix.Memory) { _, _ = k.MemfdCreate("x", 0) }
