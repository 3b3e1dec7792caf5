package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onPort copies a shipped policy, and files beside it, with another port, so that the test does not depend on who has the usual one.
func onPort(t testing.TB, name, usual string, beside ...string) (file, url string) {
	t.Helper()
	dir := openDir(t)
	port := strconv.Itoa(freePort(t, "tcp4", "127.0.0.1"))
	for _, f := range append(beside, name+".yaml") {
		text, err := os.ReadFile(filepath.Join(place.root, "policies", f))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "127.0.0.1:"+usual) {
			t.Fatalf("%s does not listen on 127.0.0.1:%s", f, usual)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, f), strings.ReplaceAll(string(text), "127.0.0.1:"+usual, "127.0.0.1:"+port), 0o644)
	}
	return filepath.Join(dir, name+".yaml"), "http://127.0.0.1:" + port
}

// get asks a web server, on a connection of its own.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// statusOf returns fields of /proc/PID/status.
func statusOf(t testing.TB, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		out[key] = strings.TrimSpace(value)
	}
	return out
}

func TestNginx(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
		t.Skipf("nginx is not installed: %v", err)
	}
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			file, url := onPort(t, "nginx", "8088", "nginx/nginx.conf")
			p := supervise(t, file)
			// The socket listens already: what is asked now is answered when nginx is ready.
			if status, body := get(t, url+"/healthz"); status != 200 || body != "ok\n" {
				t.Errorf("/healthz: %d %q", status, body)
			}
			if status, body := get(t, url+"/"); status != 200 || !strings.Contains(body, "nginx") {
				t.Errorf("/: %d %q", status, body)
			}
			if status, _ := get(t, url+"/no-such-page"); status != 404 {
				t.Errorf("/no-such-page: %d", status)
			}
			found := 0
			for _, process := range allProcesses() {
				if strings.HasPrefix(process.command, "nginx: ") && strings.Contains(strings.Join(descendants(p.Process.Pid), "\n"), fmt.Sprintf("process %d ", process.pid)) {
					found++
					confined(t, process, "www-data")
				}
			}
			if found < 2 {
				t.Errorf("%d processes of nginx, want a master and a worker:\n%s", found, strings.Join(descendants(p.Process.Pid), "\n"))
			}
			p.stop(t, sig)
		})
	}
}

// TestNginxTwice: of two that are woken for one connection, the one that comes too late goes on with what else it has to do. It once waited for
// the next connection, which kept it from its other clients and from ending.
func TestNginxTwice(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
		t.Skipf("nginx is not installed: %v", err)
	}
	file, url := onPort(t, "nginx", "8088", "nginx/nginx.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, file, strings.Replace(string(text), "    stop_grace_period: 30s\n", "    replicas: 2\n    stop_grace_period: 8s\n", 1))
	p := ready(t, file)
	if n := len(p.status(t).Modules[0].Instances); n != 2 {
		t.Fatalf("%d instances, want two", n)
	}
	ask := func(c *http.Client) {
		t.Helper()
		resp, err := c.Get(url + "/healthz")
		if err != nil {
			t.Fatalf("on a connection that was open: %v", err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(body) != "ok\n" {
			t.Fatalf("on a connection that was open: %d %q, %v", resp.StatusCode, body, err)
		}
	}
	var stay []*http.Client // of both instances, most likely
	for range 8 {
		stay = append(stay, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 1}})
		defer stay[len(stay)-1].CloseIdleConnections()
	}
	for range 300 {
		var burst sync.WaitGroup
		for range 8 { // which both are woken for
			burst.Go(func() {
				if c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
					_ = c.Close()
				}
			})
		}
		burst.Wait()
		for _, c := range stay {
			ask(c)
		}
	}
	r := p.stop(t, unix.SIGTERM)
	if strings.Contains(r.stderr, "killing it") {
		t.Errorf("it did not end when it was asked to:\n%s", r.stderr)
	}
}

// confined checks what the kernel says about a process that was launched under a shipped policy.
func confined(t testing.TB, p process, name string) {
	t.Helper()
	status := statusOf(t, p.pid)
	for field, want := range map[string]string{
		"Seccomp": "2", "NoNewPrivs": "1", "CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
		"CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
	} {
		if status[field] != want {
			t.Errorf("%v: %s is %s, want %s", p, field, status[field], want)
		}
	}
	uid := strconv.Itoa(os.Geteuid())
	if isRoot() {
		u, err := user.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		uid = u.Uid
	}
	if got := strings.Fields(status["Uid"]); len(got) != 4 || got[0] != uid || got[1] != uid || got[2] != uid {
		t.Errorf("%v: Uid %v, want %s", p, got, uid)
	}
	for _, ns := range []string{"mnt", "pid", "ipc", "uts", "cgroup", "net"} {
		own, err1 := os.Readlink("/proc/self/ns/" + ns)
		its, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", p.pid, ns))
		if err1 != nil || err2 != nil && isRoot() || own == its {
			t.Errorf("%v: namespace %s (%v, %v), ours is %s", p, its, err1, err2, own)
		}
	}
}

// TestDemo asks the embedded demo's page for what it tried, and believes the supervisor's binary only so far: what the kernel says is checked, too.
func TestDemo(t *testing.T) {
	t.Parallel()
	file, url := onPort(t, "demo", "8080")
	p := supervise(t, file)
	status, body := get(t, url+"/confinement.json")
	var page struct {
		Attempts []struct {
			Name, Answer, Verdict, Layer string
		}
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
		t.Fatalf("%d %v\n%s", status, err, body)
	}
	if len(page.Attempts) < 12 {
		t.Errorf("%d attempts, want a dozen", len(page.Attempts))
	}
	layers := map[string]bool{}
	for _, a := range page.Attempts {
		if a.Verdict == "ALLOWED" || a.Name == "" || a.Answer == "" {
			t.Errorf("%+v", a)
		}
		if a.Verdict == "denied" {
			layers[a.Layer] = true
		}
	}
	if len(layers) < 4 {
		t.Errorf("all was denied by %v", layers)
	}
	if status, body := get(t, url+"/"); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("/: %d %.200q", status, body)
	}
	found := false
	for _, process := range running("role:demo") {
		if strings.Contains(strings.Join(descendants(p.Process.Pid), "\n"), fmt.Sprintf("process %d ", process.pid)) {
			found = true
			confined(t, process, "www-data")
		}
	}
	if !found {
		t.Error("no process of the demo")
	}
	p.stop(t, unix.SIGINT)
}
