//go:build record

package main

import (
	"os"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/record"
)

// implementation writes all calls to the file that ECHO_RECORDING names.
//
//posixvet:leak os.Create, os.Stderr, os.File.WriteString: the recording cannot go through what is recorded
func implementation() posix.Core {
	file, err := os.Create(os.Getenv("ECHO_RECORDING"))
	if err == nil {
		var core *record.Core
		if core, err = record.New(linux.New(), file); err == nil {
			return errs.New(core)
		}
	}
	_, _ = os.Stderr.WriteString("echo: " + err.Error() + "\n")
	os.Exit(1)
	return nil
}
