package control

import (
	"net/http"
	"os"
	"testing"

	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestMain is also another user who asks, see askAs. It fails the run when a test leaves a descriptor or a goroutine behind.
func TestMain(m *testing.M) {
	if path := os.Getenv(askEnv); path != "" {
		os.Exit(askAndPrint(path))
	}
	os.Exit(leak.Main(tests{m}))
}

// tests are those of the package.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer http.DefaultClient.CloseIdleConnections()
	return t.M.Run()
}
