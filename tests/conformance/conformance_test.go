package conformance_test

import (
	"os"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/conformance"
	"github.com/bulkhead/bulkhead/tests/conformance/differential"
)

func TestMain(m *testing.M) {
	differential.Worker(linux.New(), otherSide)
	conformance.Main(m, linux.New())
}

func TestLinux(t *testing.T) {
	name := "Linux"
	if os.Geteuid() != 0 {
		name = "LinuxUser"
	}
	conformance.Run(t, conformance.Host(name, linux.New()))
}
