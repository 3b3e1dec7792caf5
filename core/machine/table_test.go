package machine

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

var update = flag.Bool("update", false, "write docs/states.md again")

// TestEveryStateHasEveryInput: no entry was left out, and what an entry does fits where it leads.
func TestEveryStateHasEveryInput(t *testing.T) {
	leads := map[action][]State{ // where an action belongs
		launch: {Launching}, withdraw: {Cancelled}, adopt: {Starting}, end: {Starting}, serve: {Ready}, late: {Failing}, abort: {Failing},
		signal: {Stopping, Draining}, delay: {Backoff}, hold: {Held}, rest: {Stopped, Ended}, remove: {Gone},
		kill: {Failing, Stopping, Draining}, want: {Launching, Cancelled, Stopping, Draining},
	}
	reached := map[State]bool{Waiting: true}
	done := map[action]bool{}
	for s := range states {
		for i := range inputs {
			c := next[s][i]
			done[c.do] = true
			switch {
			case c.do == missing:
				t.Errorf("there is no entry for %s in %s", i, s)
			case c.do == impossible:
			case c.do == ignore && c.next != s:
				t.Errorf("%s in %s is ignored and leads to %s", i, s, c.next)
			case c.do != ignore && !contains(leads[c.do], c.next):
				t.Errorf("%s in %s: %s leads to %s", i, s, c.do, c.next)
			case i.end() && c.next.process():
				t.Errorf("%s in %s leads to %s, where there is a process", i, s, c.next)
			case i == inStop && c.next != Stopping && c.next != Stopped && c.next != Cancelled && c.next != Draining:
				t.Errorf("%s in %s leads to %s", i, s, c.next)
			default:
				reached[c.next] = true
			}
			reached[c.next] = reached[c.next] || c.do == ignore
		}
	}
	for s := range states {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
	}
	for a := impossible; a < actions; a++ {
		if !done[a] {
			t.Errorf("nothing does %s", a)
		}
	}
	// What has a process can be told to end, whatever the state.
	for s := range states {
		if s.process() && (next[s][inStop].do == impossible || next[s][inLeave].do == impossible) {
			t.Errorf("%s cannot be stopped", s)
		}
	}
}

func contains(list []State, s State) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for s := range states {
		seen["state "+s.String()] = true
	}
	for i := range inputs {
		seen["input "+i.String()] = true
	}
	for a := range actions {
		seen["action "+a.String()] = true
	}
	if n := int(states) + int(inputs) + int(actions); len(seen) != n || seen["state "] || seen["input "] || seen["action "] {
		t.Errorf("%d names for %d: %v", len(seen), n, seen)
	}
	for v, want := range map[Verb]string{Reload: "reload", Stop: "stop", Start: "start", Restart: "restart", Shutdown: "shutdown", 99: "command 99"} {
		if v.String() != want {
			t.Errorf("%s, want %s", v, want)
		}
	}
}

const document = "../../docs/states.md"

// page is what docs/states.md says.
func page() string {
	return `# The states of an instance

What the manager's machine (` + "`core/machine`" + `) knows about an instance. This page is made from the table that it works with:
` + "`go test ./core/machine -run TestDocument -update`" + ` writes it again.

A line is a state and a column is something that happens to an instance in it. An entry is the next state, in bold where it is another one, and what is
done; where there is none, that cannot happen, and should it happen all the same the supervisor goes on and reports a bug.

What the end of a process leads to is decided by the restart policy and by what the instance is wanted for, before the table is asked:

| end | because |
|---|---|
| again | the restart policy has it started again after its delay |
| limit | likewise, but there were ` + "`burst`" + ` starts within ` + "`window`" + ` |
| final | the restart policy leaves it at that |
| asked | somebody stopped the module, or everything is being stopped |
| unwanted | it was replaced or removed, or it was to replace another one and did not get ready |

` + Table() + `
While a reload or a restart replaces an instance, two instances are in its place: the one that serves and the one that comes in, or the one that
serves and the one that is draining. With ` + "`order: stop-first`" + ` the new one is launched when the old one has ended.

# Events

The kinds of events that the machine makes. Those of the spawner and of the drivers have kinds of their own.

` + KindTable()
}

// TestDocument: the documentation shows the table that is used.
func TestDocument(t *testing.T) {
	if *update {
		if err := os.WriteFile(document, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page() {
		t.Errorf("docs/states.md is not what the table says; write it again with -update")
	}
	for _, s := range []string{"| **backoff** | **launching**, launch |", "| `instance.held` |"} {
		if !strings.Contains(page(), s) {
			t.Errorf("%q is not on the page", s)
		}
	}
}

func TestSettlingIsThePolicys(t *testing.T) {
	if settling != policy.SettlingTime {
		t.Errorf("%s, and the policy says %s", settling, policy.SettlingTime)
	}
}
