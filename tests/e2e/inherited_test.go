package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestEnvironment: what the supervisor knows of its own environment is nobody else's business.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	secret := append(os.Environ(), "E2E_SECRET=hidden", "LD_PRELOAD=/nowhere.so")
	control := command(t, place.victim, "environment:E2E_")
	control.Env = secret
	if got := attemptsOf(t, control, []string{"environment:E2E_"})["environment:E2E_"]; got.detail != "E2E_SECRET=hidden" {
		t.Errorf("outside %v", got)
	}
	p := execVictim(t, policy(t, "", module{lines: []string{"environment: {GREETING: hello}"}}), "environment:")
	p.Env = secret
	if got := attemptsOf(t, p, []string{"environment:"})["environment:"]; got.detail != "GREETING=hello" {
		t.Errorf("inside %q, want what the policy says and nothing else", got.detail)
	}
}

// TestSignalDispositions: signals that the supervisor was started with ignoring, as by nohup, are none of the module's ignoring.
func TestSignalDispositions(t *testing.T) {
	t.Parallel()
	const try = "status:SigIgn,SigBlk"
	ignoring := func(args ...string) map[string]answer {
		p := command(t, "/bin/sh", append([]string{"-c", `trap "" HUP PIPE USR1 USR2 TSTP; exec "$@"`, "sh"}, args...)...)
		return attemptsOf(t, p, []string{try})
	}
	const none = "SigIgn=0000000000000000 SigBlk=0000000000000000"
	if got := ignoring(place.victim, try)[try]; got.detail == none || !strings.HasPrefix(got.detail, "SigIgn=") {
		t.Errorf("outside %q", got.detail)
	}
	if got := ignoring(place.supervisor, "exec", "--policy", policy(t, "", module{}), "--", place.victim, try)[try]; got.detail != none {
		t.Errorf("inside %q, want %q", got.detail, none)
	}
}
