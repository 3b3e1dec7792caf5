package api

import "time"

// Status is all that the manager knows at one moment.
type Status struct {
	Version    string    `json:"version"`    // of the supervisor
	PID        int       `json:"pid"`        // of the spawner, which is the process that was started
	Since      time.Time `json:"since"`      // when that was
	Manager    Manager   `json:"manager"`    // the process that answers
	State      string    `json:"state"`      // "starting", "running", "reloading" or "stopping"
	Generation uint64    `json:"generation"` // of the configuration that is in force; the first is 1
	Policies   []string  `json:"policies"`   // the files that it was read from
	LastReload *Reload   `json:"last_reload,omitempty"`
	// Modules are in the order of the policy, which is the order in which they are started.
	Modules   []Module   `json:"modules"`
	Listeners []Listener `json:"listeners"` // sorted by name
}

// Manager is the unprivileged process behind the control socket.
type Manager struct {
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"` // how many times it was started again
}

// Reload is how the last reload ended.
type Reload struct {
	Time       time.Time `json:"time"`
	OK         bool      `json:"ok"`
	Generation uint64    `json:"generation"` // the one that it made, or tried to
	Text       string    `json:"text"`       // what was done, or why nothing was
}

// Module is a module of the policy.
type Module struct {
	Name        string       `json:"name"`
	Place       string       `json:"place"` // "web.yaml:12"
	Command     []string     `json:"command"`
	User        string       `json:"user"`
	Restart     string       `json:"restart"`
	Health      string       `json:"health,omitempty"` // "notify" or "tcp 127.0.0.1:80"
	UpdateOrder string       `json:"update_order"`
	Replicas    int          `json:"replicas"`
	Listeners   []string     `json:"listeners,omitempty"`
	Limits      []string     `json:"limits,omitempty"` // "memory.max 64M"
	Enforcement []Protection `json:"enforcement"`
	Instances   []Instance   `json:"instances"` // by replica; while one replaces another both are there
}

// Protection is one protection as it is in force on this host.
type Protection struct {
	Name   string `json:"name"`
	Level  string `json:"level"` // "enforced", "degraded" or "missing"
	Detail string `json:"detail"`
}

// Instance is one running copy of a module, or the place of one that is not running.
type Instance struct {
	ID         uint64 `json:"id,omitempty"` // of the spawner; 0 while there is no process
	Replica    int    `json:"replica"`
	Generation uint64 `json:"generation"`    // of the policy that it was launched from
	PID        int    `json:"pid,omitempty"` // 0 while there is no process
	// State is one of the states of package machine: "starting", "ready", "draining", "backoff", "held", "stopped", "exited" …
	State  string    `json:"state"`
	Since  time.Time `json:"since"`            // when it came into the state
	Reason string    `json:"reason,omitempty"` // why it is in the state: the last exit, the failed start, the limit that holds it
	// Started is when the process was launched.
	Started  *time.Time `json:"started,omitempty"`
	Restarts int        `json:"restarts"`           // since the supervisor was started, by the restart policy
	NextTry  *time.Time `json:"next_try,omitempty"` // in state "backoff"
	LastExit string     `json:"last_exit,omitempty"`
	Status   string     `json:"status,omitempty"` // what the module says of itself: STATUS= of sd_notify(3)
	// LaunchMicros is how long the launch took, in microseconds.
	LaunchMicros int64 `json:"launch_us,omitempty"`
	// LaunchParts are where that time went, in the order of the launch. What was made ahead of it is not among them.
	LaunchParts []LaunchPart `json:"launch_parts,omitempty"`
}

// LaunchPart is one part of a launch.
type LaunchPart struct {
	Name   string `json:"name"` // "streams", "prepare", "sandbox", "cgroup" or "process"
	Micros int64  `json:"us"`
}

// Listener is a listening socket.
type Listener struct {
	Name       string   `json:"name"`
	Network    string   `json:"network"` // "tcp", "udp" or "unix"
	Address    string   `json:"address"` // where it really listens
	Backlog    int      `json:"backlog,omitempty"`
	Modules    []string `json:"modules"`
	Generation uint64   `json:"generation"` // in which the socket was opened
	Healed     int      `json:"healed"`     // how many times it was brought back after a module had shut it down
}
