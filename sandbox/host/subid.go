package host

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// SubIDFacts say whether the user of this process may give numbers besides its own to a user namespace, which takes ranges in two files and
// two set-uid programs. Source: subuid(5), newuidmap(1).
type SubIDFacts struct {
	User       string // whose ranges; the number when it has no name
	UIDs, GIDs IDRange
	// UIDMapper and GIDMapper are the paths of the programs; empty when they are not installed.
	UIDMapper, GIDMapper string
	// Failed is why they could not be used although all is there.
	Failed string
}

// IDRange is a range of numbers of users or groups; a Count of 0 is none.
type IDRange struct{ First, Count uint32 }

// Asked tells whether anybody looked.
func (s SubIDFacts) Asked() bool { return s.User != "" }

// Missing says what is missing and what would bring it; why is empty when nothing is.
func (s SubIDFacts) Missing() (why, enable string) {
	const fewest = 65536 // of a whole system: useradd(8), SUB_UID_COUNT
	var files, flags []string
	if s.UIDs.Count == 0 {
		files, flags = append(files, subUIDs), append(flags, fmt.Sprintf("--add-subuids 100000-%d", 100000+fewest-1))
	}
	if s.GIDs.Count == 0 {
		files, flags = append(files, subGIDs), append(flags, fmt.Sprintf("--add-subgids 100000-%d", 100000+fewest-1))
	}
	var parts, commands []string
	if s.UIDMapper == "" || s.GIDMapper == "" {
		parts, commands = append(parts, "newuidmap and newgidmap are not installed"), append(commands, "apt-get install uidmap")
	}
	if len(files) > 0 {
		parts = append(parts, fmt.Sprintf("user %s has no range in %s", s.User, strings.Join(files, " and ")))
		commands = append(commands, "usermod "+strings.Join(flags, " ")+" "+s.User+" (a range that nobody else has)")
	}
	if len(parts) == 0 && s.Failed != "" {
		return s.Failed, "see " + subUIDs + ", " + subGIDs + " and newuidmap(1)"
	}
	return strings.Join(parts, "; "), strings.Join(commands, " && ")
}

const (
	subUIDs = "/etc/subuid"
	subGIDs = "/etc/subgid"
)

// mapperDirs are where the programs are looked for, and nowhere else: what is started there becomes root.
var mapperDirs = [...]string{"/usr/bin/", "/bin/", "/run/wrappers/bin/"}

// SubIDs finds out what the effective user has.
func SubIDs(k posix.Files, uid posix.UID) SubIDFacts {
	r := &reader{files: k}
	f := SubIDFacts{UIDMapper: mapper(k, "newuidmap"), GIDMapper: mapper(k, "newgidmap"), User: strconv.FormatUint(uint64(uid), 10)}
	// A file that is not there or cannot be read gives nobody anything.
	users, _ := r.text("/etc/passwd")
	number := f.User
	if name := userName(users, number); name != "" {
		f.User = name
	}
	uids, _ := r.text(subUIDs)
	f.UIDs = subRange(uids, f.User, number)
	gids, _ := r.text(subGIDs)
	f.GIDs = subRange(gids, f.User, number)
	return f
}

// probeSubIDs asks for a process that is an ordinary user's.
func probeSubIDs(k Kernel, _ *reader, f *Facts) error {
	if f.EUID != 0 && strings.Count(f.UserNS.UIDMap, "\n") == 0 { // otherwise the namespace has them
		f.SubIDs = SubIDs(k, f.EUID)
	}
	return nil
}

// mapper returns the path of a program, in directories that root alone writes to.
func mapper(k posix.Files, name string) string {
	for _, dir := range mapperDirs {
		var st posix.Stat
		if k.Fstatat(posix.AtFDCWD, dir+name, &st, 0) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o022 == 0 {
			return dir + name
		}
	}
	return ""
}

// userName finds the name of a number in a file as passwd(5) describes it.
func userName(text, number string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if f := strings.SplitN(line, ":", 4); len(f) == 4 && f[2] == number {
			return f[0]
		}
	}
	return ""
}

// subRange returns the longest range of a user, by name or number. A line that says something else gives nothing, as one whose numbers the kernel
// does not have, or that has root's. Source: subuid(5).
func subRange(text, name, number string) IDRange {
	var best IDRange
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != name && f[0] != number {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 != nil || err2 != nil || first == 0 || first+count > 1<<32-1 {
			continue
		}
		if uint32(count) > best.Count {
			best = IDRange{uint32(first), uint32(count)}
		}
	}
	return best
}

// Extent is a part of a map of a user namespace: Count numbers from Inside on are those from Outside on. Source: user_namespaces(7).
type Extent struct{ Inside, Outside, Count uint32 }

// highestMapped is the highest number that a namespace gets. Numbers above are in no file of a system's users but that of the overflow user.
const highestMapped = 65533

// Extents returns the map of a user namespace that has own as it is, and every other number from 1 on from the range, as far as it goes. Root is not
// mapped, and not the overflow user, whose number everybody has there who is not.
func (r IDRange) Extents(own uint32) []Extent {
	all := []Extent{{own, own, 1}}
	add := func(from, to uint32) {
		if to = min(to, r.Count, highestMapped); from <= to {
			all = append(all, Extent{from, r.First + from - 1, to - from + 1})
		}
	}
	if own == 0 || own > highestMapped {
		add(1, highestMapped)
		return all
	}
	if own > 1 {
		add(1, own-1)
	}
	add(own+1, highestMapped)
	return all
}

// ParseExtents reads a map as /proc/PID/uid_map shows it.
func ParseExtents(idMap string) (all []Extent) {
	for line := range strings.SplitSeq(idMap, "\n") {
		var e Extent
		if n, err := fmt.Sscan(line, &e.Inside, &e.Outside, &e.Count); err == nil && n == 3 {
			all = append(all, e)
		}
	}
	return all
}

// Outside returns the number outside that a user namespace with this map has for one inside.
func Outside(idMap []Extent, id uint32) (uint32, bool) {
	for _, e := range idMap {
		if id >= e.Inside && id-e.Inside < e.Count {
			return e.Outside + (id - e.Inside), true
		}
	}
	return 0, false
}

// SubIDMaps are the maps of the user namespace that this process is in, or will be in when it launches something: more than its own user and group are
// in them only with sub-ids. why says what is in the way of those; it is empty when nobody asked, or they are there.
func (f Facts) SubIDMaps() (users, groups []Extent, why, enable string) {
	switch {
	case strings.Count(f.UserNS.UIDMap, "\n") > 0:
		return ParseExtents(f.UserNS.UIDMap), ParseExtents(f.UserNS.GIDMap), "", ""
	case !f.SubIDs.Asked():
		return nil, nil, "", ""
	}
	switch why, enable = f.SubIDs.Missing(); {
	case why != "" || !f.UserNS.Initial:
		return nil, nil, why, enable
	case f.NoNewPrivs:
		return nil, nil, "no_new_privs is set, so that set-uid programs such as newuidmap gain nothing",
			"start the supervisor without it: NoNewPrivileges=, setpriv, a container's option"
	}
	return f.SubIDs.UIDs.Extents(uint32(f.EUID)), f.SubIDs.GIDs.Extents(uint32(f.EGID)), "", ""
}
