package compile

import (
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// The module that is the supervisor's own manager, by the name of the policy that it comes from.
const (
	managerSource = "embedded:manager"
	managerModule = "manager"
)

// sameUsers reports modules whose users have the same number, whatever they are called and in whichever file. It is an error when one of them
// is the manager: whoever runs as its user could take it over. Without root all modules have the supervisor's user, and other
// protections keep them apart.
func sameUsers(modules []wire.Module) policy.Diagnostics {
	var ds policy.Diagnostics
	first := map[posix.UID]*wire.Module{}
	for i := range modules {
		m := &modules[i]
		if !ownUser(m) {
			continue
		}
		other := first[m.User.UID]
		switch {
		case other == nil:
			first[m.User.UID] = m
		case isManager(m), isManager(other):
			culprit := m
			if isManager(m) {
				culprit = other
			}
			ds = append(ds, userProblem(culprit, "E643", policy.SeverityError,
				fmt.Sprintf("module %q runs as user %d, which is the manager's", culprit.Name, m.User.UID),
				"give it a user of its own: what runs as the manager's user could take the supervisor's commands over"))
			if culprit == other {
				first[m.User.UID] = m
			}
		case written(m) != written(other) || m.Program.File != other.Program.File: // or package policy has warned already
			ds = append(ds, userProblem(m, "W642", policy.SeverityWarning,
				fmt.Sprintf("modules %q and %q run as the same user, %d", other.Name, m.Name, m.User.UID),
				"give each module a user of its own; under root they are protected from each other by it"))
		}
	}
	return ds
}

func userProblem(m *wire.Module, code string, severity policy.Severity, message, help string) policy.Diagnostic {
	return policy.Diagnostic{Code: code, Severity: severity, Message: message, Help: help, Pos: userSection(m).Pos, Width: 1}
}

func isManager(m *wire.Module) bool { return m.Name == managerModule && m.Pos.File == managerSource }

// ownUser tells whether the kernel knows the module by the user of the policy.
func ownUser(m *wire.Module) bool {
	return slices.ContainsFunc(m.Enforcement, func(e sandbox.Enforcement) bool { return e.Protection == "user" && e.Level == sandbox.Enforced })
}

func userSection(m *wire.Module) policy.Section {
	for _, s := range m.Sections {
		if s.Key == "user" {
			return s
		}
	}
	return policy.Section{Pos: m.Pos}
}

// written is the user as the policy has it.
func written(m *wire.Module) string { return fmt.Sprint(userSection(m).Items) }
