package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is the greatest body of a request, in bytes.
const maxBody = 64 << 10

// route is one thing that can be asked.
type route struct {
	method, path string
	query        []string // names of the parameters that it knows
	body         bool     // it takes a JSON body
	serve        func(w http.ResponseWriter, r *request) *Error
}

// request is a request whose parameters were checked by their names.
type request struct {
	*http.Request
	query url.Values
}

// router serves routes, and refuses everything else in JSON.
type router []route

// ServeHTTP implements [http.Handler].
func (rt router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	extend(w, writeTimeout)
	if err := rt.serve(w, r); err != nil {
		extend(w, writeTimeout)
		err.write(w)
	}
}

func (rt router) serve(w http.ResponseWriter, r *http.Request) *Error {
	var found *route
	var methods []string
	for i, c := range rt {
		if c.path == r.URL.Path {
			methods = append(methods, c.method)
			if c.method == r.Method {
				found = &rt[i]
			}
		}
	}
	switch {
	case methods == nil:
		return refuse(http.StatusNotFound, codeNotFound, "GET /v1/openapi.yaml says what there is", "nothing is at %s", shown(r.URL.Path))
	case found == nil:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return refuse(http.StatusMethodNotAllowed, codeMethod, "use "+strings.Join(methods, " or "), "%s does not take %s", r.URL.Path, shown(r.Method))
	}
	query, err := found.parameters(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := found.checkBody(r); err != nil {
		return err
	}
	if !found.body {
		patient(w)
	}
	return found.serve(w, &request{r, query})
}

// parameters parses the query. Each parameter may stand once, but module as often as there are modules.
func (c *route) parameters(raw string) (url.Values, *Error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeQuery, "", "the query cannot be read: %v", err)
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range query {
			if !yield(name) {
				return
			}
		}
	}) {
		if !slices.Contains(c.query, name) {
			help := "it takes none"
			if len(c.query) > 0 {
				help = "it takes " + strings.Join(c.query, ", ")
			}
			return nil, refuse(http.StatusBadRequest, codeQuery, help, "%s has no parameter %s", c.path, shown(name))
		}
		if name != "module" && len(query[name]) > 1 {
			return nil, refuse(http.StatusBadRequest, codeQuery, "give it once", "parameter %s is given %d times", name, len(query[name]))
		}
	}
	return query, nil
}

// checkBody refuses a body where none is wanted, and one that is not JSON where one is.
func (c *route) checkBody(r *http.Request) *Error {
	switch {
	case !c.body && r.ContentLength != 0:
		return refuse(http.StatusBadRequest, codeBody, "send none", "%s %s takes no body", c.method, c.path)
	case c.body && r.ContentLength > maxBody:
		return tooLarge()
	case c.body:
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
			return refuse(http.StatusUnsupportedMediaType, codeContentType, "send Content-Type: application/json", "%s %s takes JSON, not %s", c.method, c.path, shown(kind))
		}
	}
	return nil
}

func tooLarge() *Error {
	return refuse(http.StatusRequestEntityTooLarge, codeTooLarge, "", "the body has more than %d bytes", maxBody)
}

// decode reads the body, all of it, into v, and lets the client take its time from then on.
func decode(w http.ResponseWriter, r *request, v any) *Error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			patient(w)
			return nil
		}
		if err == nil {
			err = errors.New("something comes behind the object")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return refuse(http.StatusRequestTimeout, codeBody, "", "the body did not come within %v", readTimeout)
	case errors.Is(err, io.EOF):
		err = errors.New("it is empty")
	}
	return refuse(http.StatusBadRequest, codeBody, `for example {"modules": ["web"]} or {"all": true}`, "the body cannot be used: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// extend gives what is written next so much time. Not all writers have deadlines: those of tests do not.
func extend(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// patient lets the client be silent for as long as it takes to answer: its request has arrived. Without it, the time for reading would
// end the request.
func patient(w http.ResponseWriter) { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }

// boolean is a parameter that is false unless it is given.
func (r *request) boolean(name string) (bool, *Error) {
	if !r.query.Has(name) {
		return false, nil
	}
	v, err := strconv.ParseBool(r.query.Get(name))
	if err != nil {
		return false, refuse(http.StatusBadRequest, codeQuery, "use true or false", "parameter %s is %s", name, shown(r.query.Get(name)))
	}
	return v, nil
}

// number is a parameter from 0 to greatest.
func (r *request) number(name string, otherwise, greatest int) (int, *Error) {
	if !r.query.Has(name) {
		return otherwise, nil
	}
	v, err := strconv.Atoi(r.query.Get(name))
	if err != nil || v < 0 || v > greatest {
		return 0, refuse(http.StatusBadRequest, codeQuery, fmt.Sprintf("use a number from 0 to %d", greatest), "parameter %s is %s", name, shown(r.query.Get(name)))
	}
	return v, nil
}

// shown is what a client sent, fit to be shown: quoted, and not longer than it takes to recognize it.
func shown(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}
