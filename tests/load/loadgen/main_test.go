package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.Copy(w, r.Body) // the client may have gone
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for _, c := range []struct {
		args   string
		status int
		stdout string
		stderr string
	}{
		{"-count 20 -body 64 -echo " + address, 0, "20 requests", ""},
		{"-count 20 -close -json " + address, 0, `"requests":20`, ""},
		{"-count 5 -path /missing " + address, 1, "status: 5, the first: 404", ""},
		{"-count 5 127.0.0.1:1", 1, "refused: 5", ""},
		{"-unix -count 1 /no/such/socket", 1, "refused: 1", ""},
		{"-for 10ms -workers 1 " + address, 0, "0 failed", ""},
		{address, 2, "", "neither a count nor a time"},
		{"-count 5", 2, "", "one address"},
		{"-count five " + address, 2, "", "invalid value"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), strings.Fields(c.args), &stdout, &stderr)
		if status != c.status || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("loadgen %s: status %d\n%s%s", c.args, status, stdout.String(), stderr.String())
		}
		if c.status == 0 && strings.Contains(c.args, "-json") && !json.Valid(stdout.Bytes()) {
			t.Errorf("no JSON: %s", stdout.String())
		}
	}
}

// A load of nothing is not a success.
func TestNothingAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status := run(ctx, []string{"-count", "5", "127.0.0.1:1"}, io.Discard, io.Discard); status != 1 {
		t.Errorf("status %d", status)
	}
}
