package main

import (
	"bytes"
	"encoding/json"
)

// event is one line of the stream of go test -json (see `go doc cmd/test2json`).
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build that failed
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

// parseEvent reads a line. Lines that are no events (the go command's own complaints) give false.
func parseEvent(line []byte) (event, bool) {
	var e event
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil || e.Action == "" {
		return event{}, false
	}
	return e, true
}

// ends reports whether the event is the last one of its test or package.
func (e event) ends() bool {
	return e.Action == "pass" || e.Action == "fail" || e.Action == "skip"
}
