// Command narrow takes two small interfaces, and has a function that nobody calls.
package main

import "github.com/bulkhead/bulkhead/posix"

type reader interface {
	Read(fd posix.FD, p []byte) (int, error)
	Close(fd posix.FD) error
	Name() string // no operation
}

func main() {
	var k posix.Core // what it is does not matter here
	use(k.(reader))
	clock(k)
}

func use(r reader) { _, _ = r.Read(0, nil) }

func clock(c posix.Clock) { _ = c }

func never(k posix.Namespaces) { _ = k.Setns(0, 0) }

var _ = never
