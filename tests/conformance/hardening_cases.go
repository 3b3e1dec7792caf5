package conformance

import (
	"slices"
)

func hardeningCases() []Case {
	return slices.Concat(landlockCases(), landlockFileCases(), seccompCases(), getFilterCases(), prctlCases())
}
