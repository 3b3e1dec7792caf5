package api

// Self is what a module may know of itself: the answer on its own socket of the control API.
type Self struct {
	Generation uint64   `json:"generation"` // of the configuration that is in force
	Module     string   `json:"module"`
	Instance   Instance `json:"instance"`
	Replicas   int      `json:"replicas"`
	// Events are the last ones about its place and about the listeners that it has, the newest last: those of the instances before it too.
	Events []Event `json:"events"`
}
