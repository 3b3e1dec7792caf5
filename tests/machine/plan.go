package machine

import (
	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/policies"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// PolicyDir is where policies are, as far as their relative paths go.
const PolicyDir = "/etc/bulkhead"

// Facts returns what a process finds that the machine can enforce.
func (m *Machine) Facts(p *kernel.Process) host.Facts {
	m.t.Helper()
	f, err := host.Probe(p)
	m.Must(err)
	return f
}

// Compile has the compile process make a plan of a policy. Anything that is wrong with it ends the test.
func (m *Machine) Compile(p *kernel.Process, l *launch.Launcher, name, text string) wire.Plan {
	m.t.Helper()
	plan, err := compile.Run(p, l, compile.Request{Facts: m.Facts(p), Sources: []compile.Source{{Name: name, Dir: PolicyDir, Text: []byte(text)}}})
	m.Must(err)
	if plan.Diagnostics.HasErrors() {
		m.t.Fatalf("%s does not compile:\n%s", name, plan.Rendered)
	}
	return plan
}

// Policy returns the text of a policy that ships.
func (m *Machine) Policy(name string) string {
	m.t.Helper()
	text, err := policies.Open(name)
	m.Must(err)
	return string(text)
}
