package machine

// State is where an instance is.
type State uint8

const (
	Waiting   State = iota // for its turn to be launched
	Launching              // the spawner was asked to launch it
	Cancelled              // likewise, but nobody wants it any more
	Starting               // it runs and is not ready
	Ready                  // it serves
	Failing                // it did not get ready or does not answer, and is being killed
	Stopping               // it was told to end, and its place stays
	Draining               // it was told to end, and its place is another's
	Backoff                // it has ended and is going to be launched again
	Held                   // it has ended too often
	Stopped                // somebody wants it stopped
	Ended                  // it has ended and the restart policy leaves it at that
	Gone                   // nothing is left of it
	states
)

var stateNames = [states]string{"waiting", "launching", "cancelled", "starting", "ready", "failing", "stopping", "draining", "backoff", "held", "stopped",
	"exited", "gone"}

// String returns the name as the status shows it, such as "backoff".
func (s State) String() string { return stateNames[s] }

// process tells whether there is a process in the state, or may be one soon.
func (s State) process() bool { return s >= Launching && s <= Draining }

// input is something that happens to an instance.
type input uint8

const (
	inStart     input = iota // it is its turn, or somebody wants it to run
	inLaunched               // the spawner has launched it
	inReady                  // it is ready
	inOverdue                // the time of the state is over
	inUnhealthy              // it does not answer any more
	inStop                   // somebody wants it stopped
	inLeave                  // it was replaced or removed
	inAgain                  // ended: the restart policy has it started again
	inLimit                  // ended: it was started too often
	inFinal                  // ended: the restart policy leaves it at that
	inAsked                  // ended: it was wanted stopped
	inUnwanted               // ended: nobody needs it any more
	inputs
)

var inputNames = [inputs]string{"start", "launched", "ready", "overdue", "unhealthy", "stop", "leave", "ended: again", "ended: limit", "ended: final",
	"ended: asked", "ended: unwanted"}

// String returns the name as the table shows it.
func (i input) String() string { return inputNames[i] }

// end tells whether it is the end of a process, or of the attempt to launch one.
func (i input) end() bool { return i >= inAgain }
