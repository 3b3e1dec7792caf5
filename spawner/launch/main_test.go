package launch_test

import (
	"os"
	"testing"

	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestMain fails the run when a test leaves something behind.
func TestMain(m *testing.M) {
	if os.Getenv(socketHelper) != "" {
		useSockets()
		return
	}
	os.Exit(leak.Main(m))
}
