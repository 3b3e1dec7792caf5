package derive

import (
	"io"
	"net/http"
	"testing"

	"github.com/bulkhead/bulkhead/posix/derive"
)

// TestLibrariesUnderDerivedFilter runs a server of net/http under exactly what is derived: nearly all of its calls are made by libraries.
func TestLibrariesUnderDerivedFilter(t *testing.T) {
	web := static(t, "web")
	r := report(t, "./tests/testdata/web")
	list, err := r.Allow(derive.Reachable)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Core) != 1 || len(list.Libraries) < 10 {
		t.Errorf("of posix.Core %v, by libraries %v", list.Core, list.Libraries)
	}
	d := start(t, nil, place.supervisor, "exec", "--policy", policy(t, "", []string{web, `"127.0.0.1:0"`}, exactly(list.All())))
	if d.address == "" {
		<-d.ended
		t.Fatalf("%v\n%s", d.cmd.ProcessState, d.says)
	}
	client := &http.Client{Timeout: limit}
	defer client.CloseIdleConnections()
	for range 3 {
		answer, err := client.Get("http://" + d.address + "/")
		if err != nil {
			t.Fatalf("%v\n%s", err, d.says)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK || len(text) == 0 {
			t.Errorf("status %s, %q, %v", answer.Status, text, err)
		}
		_ = answer.Body.Close()
	}
	if status := d.status(); status != 0 { // it ends by itself when it is told to
		t.Errorf("status %d\n%s", status, d.says)
	}
}
