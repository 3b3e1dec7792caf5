package cgroup

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Swept is what [Root.Sweep] found of supervisors that are no more.
type Swept struct {
	Removed   []string // directories that were removed
	Populated []string // directories in which processes still run; they are left alone
}

// Sweep removes what supervisors of the same name and pid namespace left behind when they were killed, next to our
// own directories. A group with processes in it is reported and not touched.
func (r *Root) Sweep() (Swept, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var swept Swept
	var errs []error
	for _, p := range r.places {
		names, err := subdirectories(r.kernel, p.base)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, name := range names {
			if name == r.top || !r.stale(name) {
				continue
			}
			errs = append(errs, r.sweep(p.base+"/"+name, &swept))
		}
	}
	return swept, errors.Join(errs...)
}

func (r *Root) sweep(dir string, swept *Swept) error {
	pids, err := processesBelow(r.kernel, dir)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if len(pids) > 0 {
		swept.Populated = append(swept.Populated, dir)
		return nil
	}
	if err := remove(r.kernel, dir); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	swept.Removed = append(swept.Removed, dir)
	return nil
}

// stale tells whether name is the top directory of a supervisor that has ended. Only numbers of our own pid namespace can be judged, and only by who can
// look: one that runs may have a group that is empty yet.
func (r *Root) stale(name string) bool {
	rest, ok := strings.CutPrefix(name, r.name+"-")
	if !ok {
		return false
	}
	id, ok := parseIdentity(rest)
	if !ok || id.ns != r.self.ns {
		return false
	}
	start, err := startTime(r.kernel, strconv.Itoa(int(id.pid)))
	if err != nil {
		return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
	}
	return start != id.start
}
