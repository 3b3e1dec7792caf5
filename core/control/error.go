package control

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Error is how the control API refuses a request.
type Error struct {
	// Status is the status of the response. It is not in the body.
	Status int `json:"-"`
	// Code is a word for programs: "unknown_field", "not_allowed" …
	Code string `json:"error"`
	// Detail says what is wrong with this request.
	Detail string `json:"detail"`
	// Help says what to do.
	Help string `json:"help,omitempty"`
}

// Error returns the detail and the help.
func (e *Error) Error() string {
	if e.Help == "" {
		return e.Detail
	}
	return e.Detail + "; " + e.Help
}

// Invalid tells that what was asked for is wrong, not that it could not be answered or may not be asked.
func (e *Error) Invalid() bool {
	return e.Status < http.StatusInternalServerError && e.Status != http.StatusForbidden
}

// Codes of an [Error].
const (
	codeNotAllowed  = "not_allowed"  // 403
	codeNotFound    = "not_found"    // 404
	codeMethod      = "wrong_method" // 405
	codeTooLarge    = "too_large"    // 413
	codeContentType = "wrong_content_type"
	codeBody        = "invalid_body"
	codeQuery       = "invalid_query"
	codeBusy        = "too_many"
	codeEnding      = "ending"
	codeBug         = "bug"
)

func refuse(status int, code, help, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Detail: fmt.Sprintf(format, args...), Help: help}
}

// answer writes a value as JSON. A client that does not take it is gone, and nobody is left to be told.
func answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
		data = fmt.Appendf(nil, `{"error":%q,"detail":%q}`, codeBug, "encode the answer: "+err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

func (e *Error) write(w http.ResponseWriter) { answer(w, e.Status, e) }
