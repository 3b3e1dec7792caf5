package control

import "testing"

func TestDefaultPath(t *testing.T) {
	for _, c := range []struct {
		name    string
		uid     uint32
		runtime string
		want    string
	}{
		{"root", 0, "", "/run/bulkhead/control.sock"},
		{"root with a runtime directory", 0, "/run/user/0", "/run/bulkhead/control.sock"},
		{"user", 1000, "/run/user/1000", "/run/user/1000/bulkhead/control.sock"},
		{"user without a runtime directory", 1000, "", "/tmp/bulkhead-1000/control.sock"},
		{"a relative runtime directory is none", 1000, "run", "/tmp/bulkhead-1000/control.sock"},
	} {
		t.Run(c.name, func(t *testing.T) {
			getenv := func(key string) string {
				if key != "XDG_RUNTIME_DIR" {
					t.Errorf("asks for %s", key)
				}
				return c.runtime
			}
			if got := DefaultPath(c.uid, getenv); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
