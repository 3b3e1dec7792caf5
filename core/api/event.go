package api

import "time"

// Event is something that happened.
type Event struct {
	ID         string    `json:"id"`    // UUID version 7: sorts by time
	Time       time.Time `json:"time"`  //
	Kind       string    `json:"kind"`  // "instance.started", "listener.healed", "reload.refused" …
	Level      string    `json:"level"` // "info", "warn" or "error"
	Generation uint64    `json:"generation"`
	Module     string    `json:"module,omitempty"`
	Replica    *int      `json:"replica,omitempty"`
	Instance   uint64    `json:"instance,omitempty"`
	PID        int       `json:"pid,omitempty"`
	Listener   string    `json:"listener,omitempty"`
	Cause      string    `json:"cause,omitempty"` // ID of the event that led to it
	Trace      string    `json:"traceparent,omitempty"`
	Text       string    `json:"text"`
}
