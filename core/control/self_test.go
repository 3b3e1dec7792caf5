package control

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/core/api"
)

func TestSelf(t *testing.T) {
	m := &fakeManager{status: twoModules()}
	zero, one := 0, 1
	for n := range 200 {
		e := numbered(n, "instance.exited")
		switch n % 4 {
		case 0:
			e.Module, e.Replica = "web", &zero
		case 1:
			e.Module, e.Replica = "web", &one
		case 2:
			e.Module = "api"
		case 3:
			e.Module = "web" // about the module, not one of its places
		}
		m.events.past = append(m.events.past, e)
	}
	healed, other, pretended := numbered(200, "listener.healed"), numbered(201, "listener.healed"), numbered(202, "instance.exited")
	healed.Listener, other.Listener, pretended.Listener = "http", "admin", "http"
	m.status.Listeners = append(m.status.Listeners, api.Listener{Name: "admin", Modules: []string{"api"}})
	m.events.past = append(m.events.past, healed, other, pretended)
	_, paths := serve(t, Options{}, Listener{Handler: Self(m, 9), Access: Anybody}, Listener{Handler: Self(m, 12345), Access: Anybody})
	client := browser(t, paths[0])
	status, _, body := exchange(t, client, newRequest(t, "GET", "/v1/self", "", ""))
	var got api.Self
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	if want := m.status.Modules[0].Instances[1]; got.Module != "web" || got.Generation != 3 || got.Replicas != 2 || !cmp.Equal(got.Instance, want) {
		t.Errorf("%+v", got)
	}
	if len(got.Events) != maxSelfEvents || got.Events[maxSelfEvents-1].ID != healed.ID || got.Events[maxSelfEvents-2].ID != numbered(199, "").ID {
		t.Errorf("%d events, the last %+v", len(got.Events), got.Events[len(got.Events)-1])
	}
	for _, e := range got.Events {
		if e.Module != "web" && e.ID != healed.ID || e.Replica != nil && *e.Replica != 0 {
			t.Errorf("somebody else's event: %+v", e)
		}
	}
	if strings.Contains(body, "api") || strings.Contains(body, "4002") {
		t.Errorf("it says something about others: %s", body)
	}
	for _, target := range []string{"/v1/status", "/v1/events", "/v1/logs", "/v1/metrics", "/", "/v1/self/", "/v1/self?module=api"} {
		status, _, body := exchange(t, client, newRequest(t, "GET", target, "", ""))
		if refusalOf(t, body); status != http.StatusNotFound && status != http.StatusBadRequest {
			t.Errorf("%s: status %d", target, status)
		}
	}
	for _, target := range []string{"/v1/stop", "/v1/reload", "/v1/shutdown", "/v1/self"} {
		if status, _, _ := exchange(t, client, newRequest(t, "POST", target, "", "")); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: status %d", target, status)
		}
	}
	if status, _, _ := exchange(t, browser(t, paths[1]), newRequest(t, "GET", "/v1/self", "", "")); status != http.StatusNotFound {
		t.Errorf("an instance that is not there: status %d", status)
	}
}
