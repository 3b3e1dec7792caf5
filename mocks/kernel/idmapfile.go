package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// idMapFile is /proc/PID/uid_map or gid_map, which capability CAP_SETUID or CAP_SETGID tells. Source: user_namespaces(7), map_write() in kernel/user_namespace.c.
func idMapFile(q *Process, capability int) body {
	maps := func(ns *userNS) *[]idMap {
		if capability == unix.CAP_SETUID {
			return &ns.uids
		}
		return &ns.gids
	}
	text := func(p *Process) (string, posix.Errno) {
		ns := q.cred.user
		if ns == nil {
			return fmt.Sprintf("%10d %10d %10d\n", 0, 0, uint32(1<<32-1)), 0
		}
		// Numbers outside are those of the reader, or of the parent when the reader is inside.
		from := p.cred.user
		if from == ns {
			from = ns.parent
		}
		var b strings.Builder
		for _, m := range *maps(ns) {
			outside := m.outside
			if from != nil {
				outside, _ = shown(*maps(from), m.outside)
			}
			fmt.Fprintf(&b, "%10d %10d %10d\n", m.inside, outside, m.count)
		}
		return b.String(), 0
	}
	return pseudo{text: text, store: func(p *Process, b []byte) posix.Errno {
		ns := q.cred.user
		switch {
		case ns == nil, p.cred.user != ns && p.cred.user != ns.parent:
			return eperm
		case len(b) >= pageSize:
			return einval
		case *maps(ns) != nil, !p.capableIn(ns, capSysAdmin):
			return eperm
		}
		list, ok := parseIDMaps(string(b))
		if !ok {
			return einval
		}
		if !p.mayMap(ns, list, capability) {
			return eperm
		}
		if ns.parent != nil {
			for i, m := range list {
				first, ok := meant(*maps(ns.parent), m.outside)
				last, also := meant(*maps(ns.parent), m.outside+m.count-1)
				if !ok || !also || last-first != m.count-1 {
					return eperm
				}
				list[i].outside = first
			}
		}
		*maps(ns) = list
		return 0
	}}
}

// parseIDMaps reads lines of three numbers.
func parseIDMaps(text string) ([]idMap, bool) {
	var list []idMap
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, false
		}
		var n [3]uint32
		for i, f := range fields {
			v, err := strconv.ParseUint(f, 10, 32)
			if err != nil {
				return nil, false
			}
			n[i] = uint32(v)
		}
		m := idMap{n[0], n[1], n[2]}
		if m.count == 0 || m.inside+m.count <= m.inside || m.outside+m.count <= m.outside {
			return nil, false
		}
		for _, other := range list {
			if m.inside < other.inside+other.count && other.inside < m.inside+m.count || m.outside < other.outside+other.count && other.outside < m.outside+m.count {
				return nil, false
			}
		}
		list = append(list, m)
	}
	return list, len(list) > 0 && len(list) <= 340 // UID_GID_MAP_MAX_EXTENTS
}

// mayMap is new_idmap_permitted(): anybody may map itself alone, groups only after setgroups has been denied; others need the capability in the parent namespace.
func (p *Process) mayMap(ns *userNS, list []idMap, capability int) bool {
	if len(list) == 1 && list[0].count == 1 && ns.maker == p.cred.uids.Effective {
		uid, gid := uint32(p.cred.uids.Effective), uint32(p.cred.gids.Effective)
		if ns.parent != nil {
			uid, _ = shown(ns.parent.uids, uid)
			gid, _ = shown(ns.parent.gids, gid)
		}
		switch {
		case capability == unix.CAP_SETUID && list[0].outside == uid:
			return true
		case capability == unix.CAP_SETGID && ns.noGroups && list[0].outside == gid:
			return true
		}
	}
	return p.capableIn(ns.parent, capability)
}

// setgroupsFile is /proc/PID/setgroups. Source: proc_setgroups_write() in kernel/user_namespace.c.
func setgroupsFile(q *Process) body {
	return pseudo{
		text: func(*Process) (string, posix.Errno) {
			if q.cred.user != nil && q.cred.user.noGroups {
				return "deny\n", 0
			}
			return "allow\n", 0
		},
		store: func(p *Process, b []byte) posix.Errno {
			ns := q.cred.user
			word := strings.TrimRight(string(b), " \t\n\x00")
			deny := word == "deny"
			switch {
			case len(b) >= 8, !deny && word != "allow":
				return einval
			case !p.capableIn(ns, capSysAdmin):
				return eacces
			case ns == nil && deny, ns != nil && deny && ns.gids != nil, ns != nil && !deny && ns.noGroups:
				return eperm
			}
			if ns != nil {
				ns.noGroups = deny
			}
			return 0
		},
	}
}
