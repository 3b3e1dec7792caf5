package demo

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// misdeed is something bad that the page lets its reader make the process do.
type misdeed struct {
	Key    string
	Button string
	// Then is what the supervisor is expected to do about it.
	Then string
	do   func()
}

// moment is how long the answer gets to reach the reader before the misdeed is done.
const moment = 200 * time.Millisecond

// misbehaviour carries misdeeds out, one at a time.
type misbehaviour struct {
	deeds []misdeed
	busy  sync.Mutex
}

// floodLines is how much a flood writes: enough to fill every buffer on the way many times over.
const floodLines = 100_000

// newMisbehaviour returns what the page offers. exit ends the process; hang makes it stop answering; shut shuts the listening socket down.
func newMisbehaviour(log io.Writer, exit func(), hang func(), shut func()) *misbehaviour {
	return &misbehaviour{deeds: []misdeed{
		{"exit", "exit with status 3", "it is started again after a short delay; whoever connects meanwhile waits in the socket's queue and is answered by the next process", exit},
		{"hang", "hang", "its signs of life stop, so the watchdog ends it and a new process is started", hang},
		{"flood", fmt.Sprintf("write %d lines", floodLines), "they all come out in the log, and nobody else waits for them", func() {
			for i := range floodLines {
				fmt.Fprintf(log, "flood: line %d of %d\n", i+1, floodLines)
			}
		}},
		{"shutdown", "shut the listening socket down", "the supervisor, which has the same socket, sees it and listens again", shut},
	}}
}

var misdeedPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("misdeed").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="1;url=/#life">
<link rel="icon" href="data:,">
<title>Bulkhead: {{.Button}}</title>
<style>{{.Style}}</style>
</head>
<body>
<h1>As you wish: {{.Button}}</h1>
<p>What should happen now: {{.Then}}.</p>
<p>The page loads again in a second; <a href="/#life">look at what happened</a>.</p>
</body>
</html>
`))
})

// foreign tells that a page of somebody else presses the buttons. Browsers say where a request comes from, the older ones by Origin only;
// who says nothing is no browser.
func foreign(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case site != "" && site != "same-origin":
		return true
	case origin == "":
		return false
	case origin == "null": // from a page that does not tell where it is
		return site == ""
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
}

// ServeHTTP answers first, and then does what it was asked for.
func (m *misbehaviour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if foreign(r) {
		http.Error(w, "only this page's own buttons do that", http.StatusForbidden)
		return
	}
	what := r.PathValue("what")
	for _, d := range m.deeds {
		if d.Key != what {
			continue
		}
		if !m.busy.TryLock() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "still busy with the last one", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Connection", "close")
		head(w, "text/html; charset=utf-8")
		_ = misdeedPage().Execute(w, struct {
			misdeed
			Style template.CSS
		}{d, template.CSS(pageStyle)})
		time.AfterFunc(moment, func() {
			defer m.busy.Unlock()
			d.do()
		})
		return
	}
	http.NotFound(w, r)
}
