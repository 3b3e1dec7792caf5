package spawner

import (
	"errors"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func TestSplitManager(t *testing.T) {
	own := wire.Module{Name: ManagerModule, Pos: policy.Pos{File: ManagerSource}}
	plan := planOf(wire.Module{Name: "a"}, own, wire.Module{Name: "b"})
	user, manager, err := SplitManager(plan)
	if err != nil || manager.Name != ManagerModule || len(user.Modules) != 2 || user.Modules[1].Name != "b" || len(plan.Modules) != 3 || plan.Modules[1].Name != ManagerModule {
		t.Errorf("%+v, %+v, %v", user, manager, err)
	}
	for _, p := range []wire.Plan{planOf(), planOf(wire.Module{Name: ManagerModule, Pos: policy.Pos{File: "web.yaml"}})} {
		if _, _, err := SplitManager(p); !errors.Is(err, ErrNoManager) {
			t.Errorf("%v", err)
		}
	}
}
