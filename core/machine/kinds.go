package machine

import (
	"fmt"
	"strings"
)

// Kinds of the events that a machine makes. Events of the spawner ("listener.healed" …) and of the drivers have kinds of their own, and go
// through the machine unchanged.
const (
	KindManagerStarted   = "manager.started"
	KindStarted          = "supervisor.started"
	KindStopping         = "supervisor.stopping"
	KindFinished         = "supervisor.finished"
	KindLaunched         = "instance.started"
	KindLaunchFailed     = "instance.launch-failed"
	KindReady            = "instance.ready"
	KindLate             = "instance.late"
	KindUnhealthy        = "instance.unhealthy"
	KindInstanceStopping = "instance.stopping"
	KindKilled           = "instance.killed"
	KindStuck            = "instance.stuck"
	KindExited           = "instance.exited"
	KindBackoff          = "instance.backoff"
	KindHeld             = "instance.held"
	KindReloadAsked      = "reload.requested"
	KindReloadJoined     = "reload.joined"
	KindReloadProblems   = "reload.problems"
	KindReloadRefused    = "reload.refused"
	KindReloadPlanned    = "reload.planned"
	KindReloadUndone     = "reload.undone"
	KindReloadCommitted  = "reload.committed"
	KindReloadDone       = "reload.done"
	KindReloadFailed     = "reload.failed"
	KindCommand          = "command.requested"
	KindCommandDone      = "command.done"
	KindCommandFailed    = "command.failed"
	KindRequestFailed    = "request.failed"
	KindBug              = "bug"
)

// kindMeanings says what each kind means, in the order in which they are documented.
var kindMeanings = [...]struct{ kind, meaning string }{
	{KindManagerStarted, "a manager has begun to work; with the number of instances that it found running"},
	{KindStarted, "every module of the first configuration has been launched"},
	{KindStopping, "everything is going to be stopped, and why"},
	{KindFinished, "nothing is left; the supervisor ends with this status"},
	{KindLaunched, "an instance was launched"},
	{KindLaunchFailed, "an instance could not be launched, and why"},
	{KindReady, "an instance is ready, by notification, probe, or by having run for a while"},
	{KindLate, "an instance did not get ready in time and is killed"},
	{KindUnhealthy, "an instance does not answer any more and is killed"},
	{KindInstanceStopping, "an instance was sent its stop signal"},
	{KindKilled, "an instance did not end within its grace period and was sent SIGKILL; repeated when that does not help"},
	{KindStuck, "an instance has not ended of SIGKILL either; nothing waits for it any more"},
	{KindExited, "an instance has ended, and how"},
	{KindBackoff, "an instance is going to be started again after a delay"},
	{KindHeld, "an instance was started too often and waits for `start`, `restart` or a changed policy"},
	{KindReloadAsked, "somebody asked for a reload, or for a look at what it would do"},
	{KindReloadJoined, "a reload was asked for while one was going to begin anyway"},
	{KindReloadProblems, "what stands against a reload, as `policy check` shows it"},
	{KindReloadRefused, "a reload was refused before anything was touched"},
	{KindReloadPlanned, "what a reload is going to do"},
	{KindReloadUndone, "a reload went wrong before its commit and is being undone, and why"},
	{KindReloadCommitted, "a new generation is in force; what it replaced is being drained"},
	{KindReloadDone, "a reload is complete"},
	{KindReloadFailed, "a reload was undone; the generation before serves on"},
	{KindCommand, "somebody asked for a stop, start, restart or shutdown"},
	{KindCommandDone, "that was done"},
	{KindCommandFailed, "that was refused or went wrong, and why"},
	{KindRequestFailed, "the spawner did not do what it was asked for"},
	{KindBug, "something happened that cannot: please report it"},
}

// KindTable returns the kinds of events that the machine makes, in Markdown.
func KindTable() string {
	var b strings.Builder
	b.WriteString("| kind | when |\n|---|---|\n")
	for _, k := range kindMeanings {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.kind, k.meaning)
	}
	return b.String()
}
