package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// addedGroup is an entry of group_add with its number.
type addedGroup struct {
	policy.Value[string]
	gid posix.GID
}

// lookUpGroups finds the numbers of group_add. It returns false when there is a problem.
func (c *compiler) lookUpGroups() (added []addedGroup, ok bool) {
	ok = true
	for _, g := range c.module.GroupAdd {
		gid, known, err := c.host.Group(g.V)
		switch {
		case err != nil:
			c.hostError(g.Pos, "the group database", err)
			return nil, false
		case !known:
			c.problem("E614", g.Pos, fmt.Sprintf("group %q does not exist on this host", g.V), "create it: groupadd --system "+g.V)
			ok = false
		}
		added = append(added, addedGroup{g, gid})
	}
	return added, ok
}

// addGroups puts groups to those that the module's user has. They are sorted, each is there once, and the module's own group is not: a user
// namespace shows that one by its number and the others by the overflow number, which the launch compares with what it set.
func (c *compiler) addGroups(added []addedGroup) {
	for _, g := range added {
		c.user.Groups = append(slices.Clip(c.user.Groups), g.gid)
	}
	slices.Sort(c.user.Groups)
	c.user.Groups = slices.DeleteFunc(slices.Compact(c.user.Groups), func(g posix.GID) bool { return g == c.user.GID })
	if len(added) > 0 {
		c.report("group_add", Enforced, "supplementary groups "+strings.Trim(fmt.Sprint(c.user.Groups), "[]")+c.outsideGroups(added))
	}
}

// outsideGroups says what groups that come by sub-ids are for the host.
func (c *compiler) outsideGroups(added []addedGroup) string {
	if c.root() {
		return ""
	}
	_, groups, _, _ := c.facts.SubIDMaps()
	var of []string
	for _, g := range added {
		outside, _ := host.Outside(groups, uint32(g.gid))
		of = append(of, fmt.Sprintf("%d is %d", g.gid, outside))
	}
	return ": for the host " + strings.Join(of, ", ") + ", by sub-ids"
}

// reached returns the groups that the sub-ids have, and reports the others.
func (c *compiler) reached(added []addedGroup) (there []addedGroup) {
	_, groups, _, _ := c.facts.SubIDMaps()
	var beyond []string
	for _, g := range added {
		if _, ok := host.Outside(groups, uint32(g.gid)); ok && g.gid != c.facts.OverflowGID {
			there = append(there, g)
		} else {
			beyond = append(beyond, fmt.Sprint(g.gid))
		}
	}
	if len(beyond) > 0 {
		c.lacks("group_add", c.module.GroupAdd[0].Pos, "the sub-ids do not reach "+strings.Join(beyond, ", "), "run the supervisor as root, or name groups that they reach")
	}
	return there
}

// keepsGroups reports that an ordinary user's module keeps the groups of the supervisor: setgroups(2) takes CAP_SETGID over the user namespace, and where that
// namespace has only its maker's group, it was closed before the map could be written. why is what [compiler.subIDs] says. Source: user_namespaces(7).
func (c *compiler) keepsGroups(why string) {
	if len(c.module.GroupAdd) == 0 {
		return
	}
	enable := "run the supervisor as root"
	if _, _, missing, fix := c.facts.SubIDMaps(); missing != "" {
		why, enable = "; sub-ids would allow it, but "+missing, enable+", or "+fix
	} else if why == "" {
		why = "; to have others it has to be another user, by sub-ids"
	}
	c.lacks("group_add", c.module.GroupAdd[0].Pos, "without root, in a user namespace that has one user and one group, setgroups(2) is denied"+why, enable)
}

// groupOrigin is where the supplementary groups of a user come from; o is where the user does.
func (c *compiler) groupOrigin(o program.Origin, user User) program.Origin {
	if len(user.Groups) > 0 && len(c.module.GroupAdd) > 0 {
		return firstOf(c.module.GroupAdd)
	}
	return o
}
