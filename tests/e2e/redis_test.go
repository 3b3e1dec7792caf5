package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// redisCommand asks Redis, in its own protocol's inline form, and returns the line of the answer; of a bulk string, the string.
func redisCommand(t testing.TB, address, command string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	if err == nil && strings.HasPrefix(line, "$") && !strings.HasPrefix(line, "$-1") {
		line, err = in.ReadString('\n')
	}
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(line)
}

// redisPolicy copies the shipped policy with another port and another directory for the data, which is Redis's.
func redisPolicy(t testing.TB) (file string, port int) {
	t.Helper()
	dir, data := openDir(t), openDir(t)
	if isRoot() {
		u, err := user.Lookup("redis")
		if err != nil {
			t.Fatal(err)
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 != nil || err2 != nil || os.Chown(data, uid, gid) != nil {
			t.Fatalf("cannot give %s to %+v", data, u)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(place.root, "policies", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if err := os.Mkdir(filepath.Join(dir, "redis"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "redis/redis.conf"), read("redis/redis.conf"), 0o644)
	port = freePort(t, "tcp4", "127.0.0.1")
	text := strings.NewReplacer(`"6380"`, strconv.Quote(strconv.Itoa(port)), "/var/lib/redis", data).Replace(read("redis.yaml"))
	return writeFile(t, filepath.Join(dir, "redis.yaml"), text, 0o644), port
}

// TestRedis: Debian's Redis says when it is ready, keeps its data when it is replaced, and is never there twice.
func TestRedis(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/bin/redis-server"); err != nil {
		t.Skipf("Redis is not installed: %v", err)
	}
	file, port := redisPolicy(t)
	address := "127.0.0.1:" + strconv.Itoa(port)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	p := ready(t, file)
	before := p.status(t).Modules[0]
	// It was ready because it said so, and its own words are shown.
	if before.Health != "notify" || before.UpdateOrder != "stop-first" || !strings.Contains(before.Instances[0].Status, "Ready to accept connections") {
		t.Errorf("%+v", before)
	}
	if got := redisCommand(t, address, "SET greeting hello"); got != "+OK" {
		t.Fatalf("SET: %q", got)
	}
	for n := range 2 {
		rewrite(t, file, strings.Replace(string(text), "LANG: C.UTF-8", fmt.Sprintf("LANG: C.UTF-8, N: \"%d\"", n), 1))
		r := p.reload(t)
		r.wants(t, 0)
		if !strings.Contains(r.stdout, "stop-first") {
			t.Errorf("the plan does not say stop-first:\n%s", r.stdout)
		}
		// It is ready now, not later.
		if got := redisCommand(t, address, "GET greeting"); got != "hello" {
			t.Errorf("GET: %q", got)
		}
	}
	after := p.status(t).Modules[0]
	if len(after.Instances) != 1 || after.Instances[0].PID == before.Instances[0].PID || after.Instances[0].State != "ready" || after.Instances[0].Restarts != 0 {
		t.Errorf("%+v, before %+v", after.Instances, before.Instances)
	}
	// The first had ended before the second began.
	ended, begun := 0, 0
	for _, e := range p.events(t) {
		switch e.Kind {
		case "instance.started":
			if begun != ended {
				t.Errorf("event %s: %d instances have begun, and %d have ended", e.ID, begun, ended)
			}
			begun++
		case "instance.exited":
			ended++
		}
	}
	if begun != 3 || ended != 2 {
		t.Errorf("%d began and %d ended", begun, ended)
	}
	if r := p.stop(t, unix.SIGTERM); !strings.Contains(r.stdout+r.stderr, "Redis is now ready to exit") {
		t.Errorf("it did not say goodbye:\n%s%s", r.stdout, r.stderr)
	}
}
