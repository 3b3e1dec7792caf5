package demo

import (
	"time"

	"golang.org/x/sys/unix"
)

// Confinement is what the kernel says about the process at one moment.
type Confinement struct {
	Time       time.Time       `json:"time"`
	Process    Process         `json:"process"`
	Identity   Identity        `json:"identity"`
	Caps       []CapabilitySet `json:"capabilities"`
	NoNewPrivs bool            `json:"no_new_privs"`
	Seccomp    Seccomp         `json:"seccomp"`
	Landlock   Landlock        `json:"landlock"`
	Namespaces []Namespace     `json:"namespaces"`
	Cgroup     []Limit         `json:"cgroup"`
	Rlimits    []Rlimit        `json:"rlimits"`
	Mounts     []Mount         `json:"mounts"`
	FDs        []Descriptor    `json:"descriptors"`
	Attempts   []Attempt       `json:"attempts"`
	// Problems are what could not be read. They are shown, not hidden.
	Problems []string `json:"problems"`
}

// Process says which process it is, as it sees itself.
type Process struct {
	PID      int    `json:"pid"`
	Parent   int    `json:"ppid"` // 0: it is outside of the pid namespace
	Threads  int    `json:"threads"`
	Resident string `json:"resident"` // memory
	Hostname string `json:"hostname"`
	Kernel   string `json:"kernel"`
}

// Identity is users and groups: real, effective, saved, for files.
type Identity struct {
	UIDs   [4]uint32 `json:"uids"`
	GIDs   [4]uint32 `json:"gids"`
	Groups []uint32  `json:"groups"` // supplementary
}

// Seccomp is the state of the filter.
type Seccomp struct {
	Mode    string `json:"mode"`    // "none", "strict" or "filter"
	Filters int    `json:"filters"` // -1 when the kernel does not say
}

// Landlock says whether Landlock is in force, and what shows it.
type Landlock struct {
	State    string `json:"state"`    // "enforced", "not enforced" or "unknown"
	Evidence string `json:"evidence"` // the call that shows it
}

// look reads everything and makes the attempts.
func look(g ground, now time.Time) Confinement {
	c := Confinement{Time: now.UTC(), Problems: []string{}}
	s, err := readStatus(ownProc)
	c.problem(err)
	c.Process = Process{PID: s.pid, Parent: s.parent, Threads: s.threads, Resident: s.resident}
	c.problem(c.Process.system())
	c.Identity = Identity{s.uids, s.gids, append([]uint32{}, s.groups...)}
	c.Caps, c.NoNewPrivs = s.caps.named(), s.noNewPrivs
	c.Seccomp = seccompState(s)
	c.Namespaces, err = readNamespaces(ownProc + "/ns")
	c.problem(err)
	c.Cgroup = readLimits(cgroupRoot)
	c.Rlimits, err = readRlimits()
	c.problem(err)
	c.Mounts, err = readMounts(ownProc + "/mountinfo")
	c.problem(err)
	c.FDs, err = readDescriptors(ownProc + "/fd")
	c.problem(err)
	c.Attempts = try(attempts(g), s.seccompMode != 0)
	c.Landlock = inferLandlock(c.Attempts)
	return c
}

func (c *Confinement) problem(err error) {
	if err != nil {
		c.Problems = append(c.Problems, err.Error())
	}
}

// Refused returns how many attempts were denied, of how many.
func (c Confinement) Refused() (denied, all int) {
	for _, a := range c.Attempts {
		if a.Verdict == Denied {
			denied++
		}
	}
	return denied, len(c.Attempts)
}

// LetThrough returns the attempts that succeeded and should not have.
func (c Confinement) LetThrough() []Attempt {
	var out []Attempt
	for _, a := range c.Attempts {
		if a.Verdict == Allowed {
			out = append(out, a)
		}
	}
	return out
}

func (p *Process) system() error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	p.Hostname = unix.ByteSliceToString(u.Nodename[:])
	p.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	return nil
}

func seccompState(s status) Seccomp {
	modes := [...]string{"none", "strict", "filter"}
	if s.seccompMode >= len(modes) {
		return Seccomp{"unknown", s.seccompFilters}
	}
	return Seccomp{modes[s.seccompMode], s.seccompFilters}
}

// inferLandlock looks for an attempt that only Landlock could have refused, or that it would have.
func inferLandlock(list []Attempt) Landlock {
	for _, a := range list {
		if a.Name != deviceAttempt {
			continue
		}
		evidence := a.Call + " = " + a.Answer
		switch {
		case a.Layer == LayerLandlock:
			return Landlock{"enforced", evidence + ", where mode and owner of the directory allow it and no capability is needed"}
		case a.Verdict != Denied:
			return Landlock{"not enforced", evidence}
		default:
			return Landlock{"unknown", evidence + " came from another layer: " + string(a.Layer)}
		}
	}
	return Landlock{"unknown", "no attempt was made"}
}
