package api

import "testing"

func TestNoModule(t *testing.T) {
	known := []string{"api", "web", "web-admin", "worker", "z"}
	const there = "there are: api, web, web-admin, worker, z"
	for name, meant := range map[string]string{
		"wbe": "web", "weeb": "web", "wb": "web", "wex": "web", "Web": "web", "work": "worker", "wroker": "worker", "web-": "web", "web-a": "web-admin",
		"nothing": "", "": "", "x": "", "a": "", "bwe": "", "pia": "",
	} {
		want := "there is no module \"" + name + "\"; "
		if meant != "" {
			want += "did you mean \"" + meant + "\"? "
		}
		if got := NoModule(name, known); got != want+there {
			t.Errorf("%q: %s", name, got)
		}
	}
}
