package mocks

import (
	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/posix"
)

var _ posix.Core = (*Core)(nil)

// Core is a posix.Core made of a mock of each narrow interface.
type Core struct {
	*Files
	*Sockets
	*Processes
	*Signals
	*Polling
	*Memory
	*Clock
	*Credentials
	*Namespaces
	*Limits
	*Hardening
	*Terminals
}

// NewCore returns a Core whose mocks all belong to ctrl.
func NewCore(ctrl *gomock.Controller) *Core {
	return &Core{
		Files:       NewFiles(ctrl),
		Sockets:     NewSockets(ctrl),
		Processes:   NewProcesses(ctrl),
		Signals:     NewSignals(ctrl),
		Polling:     NewPolling(ctrl),
		Memory:      NewMemory(ctrl),
		Clock:       NewClock(ctrl),
		Credentials: NewCredentials(ctrl),
		Namespaces:  NewNamespaces(ctrl),
		Limits:      NewLimits(ctrl),
		Hardening:   NewHardening(ctrl),
		Terminals:   NewTerminals(ctrl),
	}
}
