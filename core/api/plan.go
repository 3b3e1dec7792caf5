package api

import "time"

// Verbs of an [Action].
const (
	Keep    = "keep"    // not touched
	Open    = "open"    // a new listener
	Close   = "close"   // a listener that nobody wants any more
	Change  = "change"  // in place: the backlog of a listener, settings of a module that only the manager uses
	Start   = "start"   // a new module or replica
	Replace = "replace" // the instances of a module by new ones
	Stop    = "stop"    // a module or replica that the new configuration does not have
)

// Plan is what a reload does, with the reasons.
type Plan struct {
	From    uint64   `json:"from"` // generations
	To      uint64   `json:"to"`
	Actions []Action `json:"actions"` // in the order in which they are carried out
}

// Action is one thing that a reload does, or leaves.
type Action struct {
	Verb    string   `json:"verb"`
	Kind    string   `json:"kind"` // "listener" or "module"
	Name    string   `json:"name"`
	Order   string   `json:"order,omitempty"`   // of a replacement: "start-first" or "stop-first"
	Replica *int     `json:"replica,omitempty"` // when it is about one replica only
	Reasons []string `json:"reasons"`           // "seccomp.allow: added socket (web.yaml:14)"
}

// Result is the answer to a command.
type Result struct {
	OK         bool   `json:"ok"`
	Text       string `json:"text"`                  // one line: what was done, or why not
	Problems   string `json:"problems,omitempty"`    // what is wrong with the policy, rendered as `policy check` does
	Diagnostic any    `json:"diagnostics,omitempty"` // the same for a machine: the JSON of `policy check --format json`
	Plan       *Plan  `json:"plan,omitempty"`
	// Invalid tells that what was asked for is wrong (the policy, a module that does not exist), not that carrying it out failed.
	Invalid bool `json:"invalid,omitempty"`
	// Output are the last lines, five at most, that the new instances wrote to their standard error for which a reload was undone.
	Output []LogLine `json:"output,omitempty"`
}

// LogLine is a line that a module wrote.
type LogLine struct {
	Time    time.Time `json:"time"` // when the manager read it
	Module  string    `json:"module"`
	Replica int       `json:"instance"`
	PID     int       `json:"pid,omitempty"`
	Stream  string    `json:"stream"` // "stdout" or "stderr"
	Line    string    `json:"line"`
}
