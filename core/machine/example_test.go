package machine_test

import (
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// A machine is told what there is and says what to do about it.
func ExampleMachine_Step() {
	now := machine.Now{Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	m := machine.New(machine.Options{})
	snapshot := wire.Snapshot{Current: wire.Outline{Generation: 1, Modules: []wire.Module{{Name: "web", Replicas: 1, StopSignal: 15}}}}
	for _, op := range m.Step(machine.Hello{Now: now, Snapshot: snapshot}) {
		switch op := op.(type) {
		case machine.Emit:
			fmt.Println(op.Event.Kind, op.Event.Text)
		case machine.Send:
			fmt.Println("to the spawner:", op.Kind)
		}
	}
	fmt.Println(m.Status().State)
	// Output:
	// manager.started manager 1 has begun; 0 instances running
	// to the spawner: start
	// starting
}
