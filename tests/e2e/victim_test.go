package e2e

import (
	"strings"
	"testing"
)

// answer is what came of one attempt.
type answer struct{ result, detail string }

// answers reads what the victim wrote.
func answers(t testing.TB, stdout string) map[string]answer {
	t.Helper()
	out := map[string]answer{}
	for line := range strings.Lines(stdout) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(fields) == 3 {
			out[fields[0]] = answer{fields[1], fields[2]}
		}
	}
	return out
}

// outside makes attempts without the sandbox.
func outside(t testing.TB, attempts ...string) map[string]answer {
	t.Helper()
	return attemptsOf(t, command(t, place.victim, attempts...), attempts)
}

// outsidePrivileged makes attempts that take privileges: as root, or as the root of a user namespace; with mounts, a host name and a
// network of its own, so that nothing of it reaches the host.
func outsidePrivileged(t testing.TB, attempts ...string) map[string]answer {
	t.Helper()
	args := []string{"--mount", "--uts", "--net", "--", place.victim}
	if !isRoot() {
		args = append([]string{"--user", "--map-root-user"}, args...)
	}
	return attemptsOf(t, command(t, "unshare", append(args, attempts...)...), attempts)
}

// inside makes attempts under a policy.
func inside(t testing.TB, policy string, attempts ...string) map[string]answer {
	t.Helper()
	return attemptsOf(t, execVictim(t, policy, attempts...), attempts)
}

func execVictim(t testing.TB, policy string, attempts ...string) *program {
	t.Helper()
	return supervisor(t, append([]string{"exec", "--policy", policy, "--", place.victim}, attempts...)...)
}

func attemptsOf(t testing.TB, p *program, attempts []string) map[string]answer {
	t.Helper()
	r := p.run(t)
	if r.status != 0 {
		t.Fatalf("%s: status %d\n%s%s", p, r.status, r.stdout, r.stderr)
	}
	got := answers(t, r.stdout)
	for _, a := range attempts {
		if _, ok := got[a]; !ok {
			t.Fatalf("%s: no answer to %s:\n%s%s", p, a, r.stdout, r.stderr)
		}
	}
	return got
}
