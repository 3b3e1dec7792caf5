package conformance

import (
	"slices"

	"github.com/bulkhead/bulkhead/posix"
)

// Case is one thing that an implementation must do as Linux does.
type Case struct {
	Op    posix.Op
	Name  string // what is special about the call, unique for the Op: "onto itself"
	Need  Need
	Alone bool // it changes the process for good, so it runs in one of its own
	Run   func(t *T)
}

// Need says who can run a case.
type Need uint8

const (
	Anybody Need = iota
	Root         // user 0 with its usual capabilities
	User         // another user, without capabilities
)

// Cases returns the suite, in the order of [posix.Core].
func Cases() []Case {
	return slices.Concat(
		filesCases(), kindsCases(), pipeCases(), socketsCases(), unixCases(), inetCases(), datagramCases(), senderCases(), sockoptCases(), ownerCases(), processesCases(), cloneCases(),
		execCases(), setuidCases(), sessionCases(), signalsCases(), pollingCases(), memoryCases(), clockCases(),
		credentialsCases(), namespacesCases(), limitsCases(), hardeningCases(), randomCases(),
		terminalsCases(), lineDisciplineCases(), hangupCases(),
	)
}

// title is the case's name among all.
func (c *Case) title() string { return c.Op.String() + "/" + c.Name }
