package main

import "testing"

func TestElsewhere(t *testing.T) {
	const root, runtime, tmp = "/run/bulkhead/control.sock", "/run/user/1000/bulkhead/control.sock", "/tmp/bulkhead-1000/control.sock"
	for _, tt := range []struct {
		name  string
		usual string
		uid   uint32
		there string
		want  string
	}{
		{"nothing", runtime, 1000, "", "Root's listens on " + root + "; --control names another socket"},
		{"root's", runtime, 1000, root, "There is a socket at " + root + ": --control " + root},
		{"a user's that was started without XDG_RUNTIME_DIR", runtime, 1000, tmp, "There is a socket at " + tmp + ": --control " + tmp},
		{"a user's that was started with it", tmp, 1000, runtime, "There is a socket at " + runtime + ": --control " + runtime},
		{"a dead one in its place", runtime, 1000, runtime, "Root's listens on " + root + "; --control names another socket"},
		{"nothing for root", root, 0, "", "A user's listens on $XDG_RUNTIME_DIR/bulkhead/control.sock or /tmp/bulkhead-UID/control.sock; --control names another socket"},
	} {
		if got := elsewhere(tt.usual, tt.uid, func(path string) bool { return path == tt.there }); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
