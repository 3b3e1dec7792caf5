package control

import (
	"fmt"
	"path/filepath"
)

// DefaultPath is where the control socket of a user's supervisor is when nobody says otherwise: /run/bulkhead/control.sock for root, below
// $XDG_RUNTIME_DIR for others, and below a folder of their own in /tmp when that is not an absolute path. getenv is os.Getenv.
func DefaultPath(uid uint32, getenv func(string) string) string {
	if uid == 0 {
		return "/run/bulkhead/control.sock"
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "bulkhead", "control.sock")
	}
	return fmt.Sprintf("/tmp/bulkhead-%d/control.sock", uid)
}
