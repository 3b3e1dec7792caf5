package demo

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// ownProc is where the kernel says what this process is.
const ownProc = "/proc/self"

// status is what /proc/PID/status says: proc_pid_status(5).
type status struct {
	pid, parent, threads int
	resident             string
	uids, gids           [4]uint32 // real, effective, saved, for files
	groups               []uint32
	caps                 capabilitySets
	noNewPrivs           bool
	seccompMode          int // 0 none, 1 strict, 2 filter
	seccompFilters       int // -1 when the kernel does not say (before 5.9)
}

type capabilitySets struct{ Inheritable, Permitted, Effective, Bounding, Ambient uint64 }

// readStatus reads the status of the process with a directory in proc.
func readStatus(dir string) (status, error) {
	text, err := os.ReadFile(dir + "/status")
	if err != nil {
		return status{}, fmt.Errorf("read what the kernel says about the process: %w", err)
	}
	return parseStatus(string(text))
}

func parseStatus(text string) (status, error) {
	s := status{seccompFilters: -1}
	p := statusParser{fields: map[string]string{}}
	for _, line := range strings.Split(text, "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok {
			p.fields[key] = strings.TrimSpace(value)
		}
	}
	s.pid, s.parent, s.threads = p.number("Pid"), p.number("PPid"), p.number("Threads")
	s.resident = p.fields["VmRSS"]
	p.four("Uid", &s.uids)
	p.four("Gid", &s.gids)
	s.groups = p.list("Groups")
	s.caps = capabilitySets{p.set("CapInh"), p.set("CapPrm"), p.set("CapEff"), p.set("CapBnd"), p.set("CapAmb")}
	s.noNewPrivs = p.number("NoNewPrivs") == 1
	s.seccompMode = p.number("Seccomp")
	if _, there := p.fields["Seccomp_filters"]; there {
		s.seccompFilters = p.number("Seccomp_filters")
	}
	return s, p.err
}

// statusParser keeps the first error.
type statusParser struct {
	fields map[string]string
	err    error
}

func (p *statusParser) parse(key, word string, base, bits int) uint64 {
	n, err := strconv.ParseUint(word, base, bits)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("read %s in the status of the process: %w", key, err)
	}
	return n
}

func (p *statusParser) number(key string) int { return int(p.parse(key, p.fields[key], 10, 31)) }
func (p *statusParser) set(key string) uint64 { return p.parse(key, p.fields[key], 16, 64) }

func (p *statusParser) list(key string) []uint32 {
	var out []uint32
	for _, word := range strings.Fields(p.fields[key]) {
		out = append(out, uint32(p.parse(key, word, 10, 32)))
	}
	return out
}

func (p *statusParser) four(key string, out *[4]uint32) {
	list := p.list(key)
	if len(list) != len(out) {
		if p.err == nil {
			p.err = fmt.Errorf("read %s in the status of the process: %d numbers instead of 4", key, len(list))
		}
		return
	}
	copy(out[:], list)
}

// CapabilitySet is one of a process's five sets, by name.
type CapabilitySet struct {
	Name  string   `json:"name"`
	Value string   `json:"value"` // as the kernel prints it
	Names []string `json:"capabilities"`
}

func (c capabilitySets) named() []CapabilitySet {
	var out []CapabilitySet
	for _, s := range [...]struct {
		name string
		bits uint64
	}{{"effective", c.Effective}, {"permitted", c.Permitted}, {"inheritable", c.Inheritable}, {"bounding", c.Bounding}, {"ambient", c.Ambient}} {
		set := CapabilitySet{Name: s.name, Value: fmt.Sprintf("%016x", s.bits), Names: []string{}}
		for n := range 64 {
			if s.bits>>n&1 == 0 {
				continue
			}
			name := policy.Capability(n).String()
			if name == "CAP_?" { // newer than the table
				name = "CAP_" + strconv.Itoa(n)
			}
			set.Names = append(set.Names, name)
		}
		out = append(out, set)
	}
	return out
}
