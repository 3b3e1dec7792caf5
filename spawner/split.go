package spawner

import (
	"errors"
	"slices"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// The module that is the supervisor's own manager, by its name and the source that it comes from.
const (
	ManagerModule = "manager"
	ManagerSource = "embedded:manager"
)

// ErrNoManager is a plan without the manager's module.
var ErrNoManager = errors.New("bug: the plan has no module " + ManagerModule + " from " + ManagerSource + "; please report it")

// SplitManager takes the manager's module out of a plan that was compiled from the user's policies and the embedded one. The plan that it
// was given is not changed. A plan with errors has no modules; it is not to be split.
func SplitManager(plan wire.Plan) (user wire.Plan, manager wire.Module, err error) {
	at := slices.IndexFunc(plan.Modules, func(m wire.Module) bool { return m.Name == ManagerModule && m.Pos.File == ManagerSource })
	if at < 0 {
		return plan, wire.Module{}, ErrNoManager
	}
	manager = plan.Modules[at]
	plan.Modules = slices.Delete(slices.Clone(plan.Modules), at, at+1)
	return plan, manager, nil
}
