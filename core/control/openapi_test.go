package control

import (
	"bytes"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/bulkhead/bulkhead/core/api"
)

type document struct {
	OpenAPI string                          `yaml:"openapi"`
	Paths   map[string]map[string]operation `yaml:"paths"`
	Parts   struct {
		Schemas   map[string]schema `yaml:"schemas"`
		Responses map[string]any    `yaml:"responses"`
	} `yaml:"components"`
}

type operation struct {
	ID         string `yaml:"operationId"`
	Parameters []struct {
		Name string `yaml:"name"`
		In   string `yaml:"in"`
	} `yaml:"parameters"`
	RequestBody map[string]any `yaml:"requestBody"`
	Responses   map[string]any `yaml:"responses"`
}

type schema struct {
	Type       string            `yaml:"type"`
	Format     string            `yaml:"format"`
	Ref        string            `yaml:"$ref"`
	Items      *schema           `yaml:"items"`
	Required   []string          `yaml:"required"`
	Properties map[string]schema `yaml:"properties"`
}

func parseOpenAPI(t *testing.T) document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal(OpenAPI, &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Errorf("version %q", d.OpenAPI)
	}
	return d
}

// TestOpenAPIRoutes: what is described is what there is, and the other way round.
func TestOpenAPIRoutes(t *testing.T) {
	d := parseOpenAPI(t)
	described := map[string]operation{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			described[strings.ToUpper(method)+" "+path] = o
		}
	}
	routes := (&apiServer{m: &fakeManager{}}).routes(nil)
	routes = append(routes, Self(&fakeManager{}, 1).(router)...)
	ids := map[string]bool{}
	for _, c := range routes {
		name := c.method + " " + c.path
		o, ok := described[name]
		if !ok {
			t.Errorf("%s is not described", name)
			continue
		}
		delete(described, name)
		var query []string
		for _, p := range o.Parameters {
			if p.In == "query" {
				query = append(query, p.Name)
			}
		}
		slices.Sort(query)
		if want := slices.Sorted(slices.Values(c.query)); !slices.Equal(query, want) {
			t.Errorf("%s: parameters %v are described, there are %v", name, query, want)
		}
		if (o.RequestBody != nil) != c.body {
			t.Errorf("%s: a body is described: %v, taken: %v", name, o.RequestBody != nil, c.body)
		}
		if o.Responses["200"] == nil || o.Responses["default"] == nil || ids[o.ID] || o.ID == "" {
			t.Errorf("%s: responses %v, operation %q", name, slices.Sorted(maps.Keys(o.Responses)), o.ID)
		}
		if c.method == "POST" && (o.Responses["409"] == nil || o.Responses["422"] == nil) {
			t.Errorf("%s does not describe a command that is not carried out", name)
		}
		ids[o.ID] = true
	}
	for name := range described {
		t.Errorf("%s is described and does not exist", name)
	}
}

// TestOpenAPITypes: each type has the fields that are described, with their types, and the required ones are those that are always there.
func TestOpenAPITypes(t *testing.T) {
	d := parseOpenAPI(t)
	types := map[string]reflect.Type{}
	for _, v := range []any{Error{}, Selection{}, api.Status{}, api.Event{}, api.LogLine{}, api.Result{}, api.Self{}} {
		collect(reflect.TypeOf(v), types)
	}
	for name, typ := range types {
		s, ok := d.Parts.Schemas[name]
		if !ok {
			t.Errorf("type %s is not described", name)
			continue
		}
		var required []string
		fields := map[string]bool{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if tag == "-" {
				continue
			}
			if tag == "" {
				t.Errorf("%s.%s has no name in JSON", name, f.Name)
			}
			fields[tag] = true
			if options != "omitempty" {
				required = append(required, tag)
			}
			if got, want := s.Properties[tag].text(), kind(f.Type); got != want {
				t.Errorf("%s.%s is described as %q; it is %q", name, tag, got, want)
			}
		}
		for p := range s.Properties {
			if !fields[p] {
				t.Errorf("%s.%s is described and does not exist", name, p)
			}
		}
		slices.Sort(required)
		if got := slices.Sorted(slices.Values(s.Required)); !slices.Equal(got, required) {
			t.Errorf("%s: %v are described as always there; it is %v", name, got, required)
		}
	}
	for name := range d.Parts.Schemas {
		if types[name] == nil {
			t.Errorf("schema %s has no type", name)
		}
	}
	if len(types) < 12 {
		t.Errorf("only %d types were looked at", len(types))
	}
	for ref := range references(t) {
		part, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
		if _, ok := d.Parts.Schemas[name]; part == "schemas" && ok {
			continue
		}
		if _, ok := d.Parts.Responses[name]; part != "responses" || !ok {
			t.Errorf("%s refers to nothing", ref)
		}
	}
}

// references returns what the description refers to.
func references(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for line := range bytes.Lines(OpenAPI) {
		for rest := string(line); ; {
			_, after, ok := strings.Cut(rest, `$ref: "`)
			if !ok {
				break
			}
			ref, more, _ := strings.Cut(after, `"`)
			out[ref], rest = true, more
		}
	}
	return out
}

// collect adds a struct and those that it has in it.
func collect(t reflect.Type, to map[string]reflect.Type) {
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
		collect(t.Elem(), to)
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() && to[t.Name()] == nil:
		to[t.Name()] = t
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("json") != "-" {
				collect(t.Field(i).Type, to)
			}
		}
	}
}

// kind is how a type is described.
func kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "string date-time"
	case t.Kind() == reflect.Pointer:
		return kind(t.Elem())
	case t.Kind() == reflect.Slice:
		return "array of " + kind(t.Elem())
	case t.Kind() == reflect.Struct:
		return "#/components/schemas/" + t.Name()
	case t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Interface:
		return ""
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "integer"
	}
	return "unknown kind " + t.String()
}

// text is what a schema says, in the words of kind.
func (s schema) text() string {
	switch {
	case s.Ref != "":
		return s.Ref
	case s.Type == "array" && s.Items != nil:
		return "array of " + s.Items.text()
	case s.Format == "date-time":
		return s.Type + " " + s.Format
	}
	return s.Type
}

func TestOpenAPIIsServed(t *testing.T) {
	status, header, body := exchange(t, browser(t, serveAPI(t, &fakeManager{})), newRequest(t, "GET", "/v1/openapi.yaml", "", ""))
	if status != http.StatusOK || header.Get("Content-Type") != "application/yaml" || body != string(OpenAPI) {
		t.Errorf("status %d, %v, %d bytes", status, header, len(body))
	}
}
