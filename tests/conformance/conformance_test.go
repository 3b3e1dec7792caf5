package conformance_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/conformance"
	"github.com/bulkhead/bulkhead/tests/conformance/differential"
)

func TestMain(m *testing.M) {
	differential.Worker(linux.New(), otherSide)
	conformance.Main(m, linux.New())
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Host("Linux", linux.New()))
}
