package spawner

import "time"

// restAfter is how long nothing must have been asked for before there is rest.
const restAfter = time.Second

// restless puts the next rest off. It is called for whatever takes memory that is not needed afterwards.
func (r *Resident) restless() {
	if r.Rest == nil || r.done {
		return
	}
	r.alarms.stop(r.resting)
	r.resting = r.alarms.set(restAfter, func() {
		r.resting = nil
		r.inBackground(r.Rest, func() {})
	})
}
