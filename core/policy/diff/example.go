package diff

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Example is a system call that shows a change of another layer than the filter, with what becomes of it as far as the layer decides.
type Example struct {
	Text     string // the call
	A, B     string // what becomes of it under each of the policies
	Filtered bool   // the filter of the policy that permits it lets none of the calls through that would show the change
}

// String returns the call with both outcomes.
func (e *Example) String() string {
	text := fmt.Sprintf("%s -> %s, before: %s", e.Text, e.B, e.A)
	if e.Filtered {
		text += " (but no call that shows it passes the filter)"
	}
	return text
}

// show gives the last change an example. No is what becomes of it without the permission, yes with it.
func (p pair) show(yes, no string, calls []string) {
	c := &p.Changes[len(p.Changes)-1]
	e := &Example{A: no, B: yes}
	set := p.setB
	if c.Direction == Narrower {
		e.A, e.B, set = yes, no, p.setA
	}
	if len(calls) > 0 {
		text, open := example.Pick(set, calls)
		e.Text, e.Filtered, c.Example = text, !open, e
	}
}

// showLaunch gives the last change an example that the supervisor makes, about which the module's filter does not decide.
func (r *Report) showLaunch(text, a, b string) {
	r.Changes[len(r.Changes)-1].Example = &Example{Text: "the supervisor's " + text, A: a, B: b}
}

// showAccess shows what a path may be used for that it may not be used for under the other policy.
func (p pair) showAccess(path string, access policy.Access) {
	switch {
	case access&policy.AccessWrite != 0: // the mount is read-only: access(2)
		p.show("0", "EROFS", example.Write(path))
	case access&policy.AccessExecute != 0: // the mount is noexec: execve(2), access(2)
		p.show("0", "EACCES", example.Execute(path))
	default:
		p.show("a descriptor", "EACCES", example.There(path))
	}
}

// showNetwork shows a mode of the network.
func (p pair) showNetwork() {
	words := map[policy.NetworkMode]string{policy.NetworkNone: "ENETUNREACH", policy.NetworkLoopback: "a loopback of its own",
		policy.NetworkHost: "what listens on the host's loopback"}
	a, b := p.a.Network.V, p.b.Network.V
	p.show(words[max(a, b)], words[min(a, b)], example.Network())
}

// showNamespace shows that a namespace is the host's.
func (p pair) showNamespace(n policy.Namespace) {
	p.show("the host's", "not the host's", example.Namespace(n))
}

// showRlimit shows a hard limit that is low under one of the policies, and high under the other.
func (p pair) showRlimit(name string, low, high uint64) {
	p.show("0", fmt.Sprintf("EPERM, above %d", low), example.Rlimit(name, high))
}

// showResource shows a limit of the control group that is low under one of the policies.
func (p pair) showResource(key string, low int64) {
	outcome := map[string][2]string{"pids.max": {"a process", "EAGAIN"}, "memory.max": {"memory", "killed when it is used"},
		"cpu.max": {"runs on", "waits for the next period"}, "cpu.weight": {"gets more of a busy processor", "gets less"},
		"io.max": {"at once", "waits"}, "io.weight": {"gets more of a busy disk", "gets less"},
		"cpuset.cpus": {"0", "EINVAL, or another processor"}, "memory.high": {"memory", "waits until some of it is taken back"},
		"memory.swap.max": {"memory", "killed when it is used"}, "memory.oom.group": {"the others live", "all are killed"}}[key]
	p.show(outcome[0], outcome[1], example.Resource(key, low))
}

// showBestEffort shows what becomes of a launch on a host without a protection.
func (p pair) showBestEffort(protection string) {
	call := map[string]string{"landlock": "landlock_create_ruleset(…)", "seccomp": "seccomp(SECCOMP_SET_MODE_FILTER, …)",
		"resources": "mkdirat(…) of the control group"}[protection]
	if call == "" {
		call = "set-up of " + protection
	}
	optional, required := "the module starts all the same", "the module does not start"
	if p.Changes[len(p.Changes)-1].Direction == Narrower {
		optional, required = required, optional
	}
	p.showLaunch(call+" fails", required, optional)
}

// execveText is execve(2) of a module's command.
func execveText(m *policy.Module) string {
	words := make([]string, len(m.Command))
	for i, w := range m.Command {
		words[i] = strconv.Quote(w.V)
	}
	if len(words) == 0 {
		return "execve(…)"
	}
	return "execve(" + words[0] + ", [" + strings.Join(words, ", ") + "], …)"
}
