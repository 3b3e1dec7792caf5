// Package support helps tests.
package support

import (
	"os"
	"testing"
)

func read(t *testing.T) { _, _ = os.ReadFile(t.Name()) }
