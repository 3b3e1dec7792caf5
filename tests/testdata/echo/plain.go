//go:build !record

package main

import (
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func implementation() posix.Core { return errs.New(linux.New()) }
