package listener

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Set is open listeners by name.
type Set map[string]*Socket

// OpenAll opens all listeners, or none. An error begins with the place of the listener in the policy.
func OpenAll(k Kernel, listeners []policy.Listener) (Set, error) {
	set := make(Set, len(listeners))
	for _, l := range listeners {
		s, err := Open(k, l)
		if err != nil {
			err = fmt.Errorf("listener %s: %w", l.Name, err)
			if l.Pos.File != "" {
				err = fmt.Errorf("%s:%d:%d: %w", l.Pos.File, l.Pos.Line, l.Pos.Col, err)
			}
			return nil, errors.Join(err, set.Close(k))
		}
		set[l.Name] = s
	}
	return set, nil
}

// FDs returns the descriptors by name. They stay the set's.
func (set Set) FDs() map[string]posix.FD {
	fds := make(map[string]posix.FD, len(set))
	for name, s := range set {
		fds[name] = s.FD
	}
	return fds
}

// Close closes all of them, and empties the set.
func (set Set) Close(k Kernel) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(set)) {
		errs = append(errs, set[name].Close(k))
		delete(set, name)
	}
	return errors.Join(errs...)
}
