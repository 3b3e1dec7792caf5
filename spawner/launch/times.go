package launch

import "time"

// Part is how long one part of a launch took.
type Part struct {
	Name string
	Took time.Duration
}

// Names of the parts, in the order of a launch. A part that was made ahead, or that a module does not have, is missing.
const (
	// PartPrepare is opening paths, copying mounts, making rulesets.
	PartPrepare = "prepare"
	// PartSandbox is the process that becomes the init of the pid namespace, with the namespaces that it makes and holds, until it has become it.
	PartSandbox = "sandbox"
	// PartGroup is waiting for the control group, which is made meanwhile.
	PartGroup = "cgroup"
	// PartProcess is the module's process, until its program is executed.
	PartProcess = "process"
)

// watch takes the times of one launch. The zero value and nil are fine: nil takes none.
type watch struct {
	last  time.Time
	parts []Part
}

func newWatch() *watch { return &watch{last: time.Now()} }

// mark says what the time since the last mark was spent on.
func (w *watch) mark(name string) {
	if w == nil {
		return
	}
	now := time.Now()
	took := now.Sub(w.last)
	w.last = now
	for i := range w.parts {
		if w.parts[i].Name == name {
			w.parts[i].Took += took
			return
		}
	}
	w.parts = append(w.parts, Part{name, took})
}
