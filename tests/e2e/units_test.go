package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// throughUnits makes units of a policy, and of the units a policy again. What a unit says of files, users, sockets, calls and the environment
// is then what the supervisor enforces, so that a program starts from what systemd would have given it.
func throughUnits(t testing.TB, file string) string {
	t.Helper()
	dir := openDir(t)
	units := filepath.Join(dir, "units")
	supervisor(t, "policy", "export", "systemd", file, "-o", units).start(t).ended(t).wants(t, 0)
	args := []string{"policy", "import", "systemd"}
	entries, err := os.ReadDir(units)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		args = append(args, filepath.Join(units, e.Name()))
	}
	back := filepath.Join(dir, "back.yaml")
	supervisor(t, append(args, "-o", back)...).start(t).ended(t).wants(t, 0)
	text, err := os.ReadFile(back)
	if err != nil {
		t.Fatal(err)
	}
	// An ordinary user has no control groups of version 1; a unit cannot say so.
	return writeFile(t, back, strings.Replace(string(text), "    network:", "    best_effort: [resources]\n    network:", 1), 0o644)
}

// TestUnitsStart: what is exported for systemd has all that programs need to start, to serve and to end.
func TestUnitsStart(t *testing.T) {
	t.Parallel()
	t.Run("nginx", func(t *testing.T) {
		if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
			t.Skipf("nginx is not installed: %v", err)
		}
		file, url := onPort(t, "nginx", "8088", "nginx/nginx.conf")
		p := ready(t, throughUnits(t, file))
		if status, body := get(t, url+"/healthz"); status != 200 || body != "ok\n" {
			t.Errorf("/healthz: %d %q", status, body)
		}
		p.stop(t, unix.SIGTERM)
	})
	t.Run("demo", func(t *testing.T) {
		file, url := onPort(t, "demo", "8080")
		p := ready(t, throughUnits(t, file))
		if status, body := get(t, url+"/"); status != 200 || !strings.Contains(body, "<html") {
			t.Errorf("/: %d %q", status, body)
		}
		p.stop(t, unix.SIGTERM)
	})
	t.Run("redis", func(t *testing.T) {
		if _, err := os.Stat("/usr/bin/redis-server"); err != nil {
			t.Skipf("Redis is not installed: %v", err)
		}
		file, port := redisPolicy(t)
		p := ready(t, throughUnits(t, file))
		if answer := redisCommand(t, "127.0.0.1:"+strconv.Itoa(port), "PING"); answer != "+PONG" {
			t.Errorf("PING: %q", answer)
		}
		p.stop(t, unix.SIGTERM)
	})
}
