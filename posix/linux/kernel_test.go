package linux

import "github.com/bulkhead/bulkhead/posix"

var _ posix.Core = (*Kernel)(nil)
