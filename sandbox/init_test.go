package sandbox

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// TestInitHasNothing: no descriptor, no capability, and as root a user that no module has.
func TestInitHasNothing(t *testing.T) {
	for name, h := range map[string]*fakeHost{"root": debian(), "alice": aliceInside()} {
		t.Run(name, func(t *testing.T) {
			p := mustCompile(t, h, rich[:strings.Index(rich, "resources:")]+"seccomp: {allow: [\"@io\"]}\n", func(r *Request) {
				// Only version 2 control groups can show an own one to an ordinary user; init does not see it anyway.
				r.Module.Filesystem, r.Module.WorkingDir = r.Module.Filesystem[:2], policy.Value[string]{}
			}).Init
			text := explain(t, p)
			for _, want := range []string{"close_range(0, ~0U, CLOSE_RANGE_CLOEXEC)", "{0x0 in each set}", "prctl(PR_SET_NO_NEW_PRIVS", "seccomp("} {
				if !strings.Contains(text, want) {
					t.Errorf("no %s in:\n%s", want, text)
				}
			}
			// It makes namespaces and mounts first; from there on it only gives up.
			_, after, _ := strings.Cut(text, "close_range(0,")
			for _, never := range []string{"unshare(", "setns(", "mount", "openat("} {
				if strings.Contains(after, never) {
					t.Errorf("%s after close_range in:\n%s", never, text)
				}
			}
			for _, never := range []string{"dup3(", "PR_CAP_AMBIENT_RAISE"} {
				if strings.Contains(text, never) {
					t.Errorf("%s in:\n%s", never, text)
				}
			}
			if got := strings.Contains(text, "setresuid(65534, 65534, 65534)"); got != (name == "root") {
				t.Errorf("becomes the overflow user: %v", got)
			}
			for _, d := range p.Prepare {
				if d.Kind == program.Stdio || d.Kind == program.Listener || d.Kind == program.InitProcess || p.Listeners != 0 {
					t.Errorf("prepared: %+v", p.Prepare)
				}
			}
			last := p.Steps[len(p.Steps)-1]
			if last.Args[4].Value != unix.AT_EMPTY_PATH || last.Args[0].Kind != program.Descriptor {
				t.Errorf("init is not executed from its descriptor: %s", last.Text)
			}
		})
	}
}
