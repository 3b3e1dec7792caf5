package demo

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"strings"
	"sync"

	"github.com/bulkhead/bulkhead/core/api"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// contentPolicy lets a browser use the page's own style and nothing else: no script, no image, no connection.
var contentPolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
})

// pageTemplate is parsed when it is first needed: every process of the program would wait for it otherwise.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(pageStyle) },
		"join":  strings.Join,
	}).Parse(pageText))
})

// view is what the page shows.
type view struct {
	Confinement
	// Live makes the page load itself again and again.
	Live bool
	// Life is nil when the policy gives no socket to ask on.
	Life     *lifeView
	Misdeeds []misdeed
}

// lifeView is what the supervisor says of this instance, or why it says nothing.
type lifeView struct {
	api.Self
	Err error
}

// ByLayer counts the denied attempts of each layer, in the order of the page.
func (v view) ByLayer() []LayerCount {
	var out []LayerCount
	at := map[Layer]int{}
	for _, a := range v.Attempts {
		if a.Verdict != Denied {
			continue
		}
		i, ok := at[a.Layer]
		if !ok {
			i = len(out)
			at[a.Layer] = i
			out = append(out, LayerCount{Layer: a.Layer})
		}
		out[i].Count++
	}
	return out
}

// LayerCount is how many attempts a layer refused.
type LayerCount struct {
	Layer Layer
	Count int
}

// Score is Refused for the page.
func (v view) Score() struct{ Denied, All int } {
	denied, all := v.Refused()
	return struct{ Denied, All int }{denied, all}
}
