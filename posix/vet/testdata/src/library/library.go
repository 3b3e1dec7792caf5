// Package library chooses for itself.
package library

import (
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux" // want `package library chooses an implementation of posix.Core by importing`
)

func work() int {
	posix.Use(linux.New()) // want `package library sets the active implementation`
	pick := posix.Active   // want `package library asks for the active implementation of posix.Core: take the narrowest interface`
	return pick().Getpid()
}
