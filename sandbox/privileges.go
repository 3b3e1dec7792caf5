package sandbox

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// securebits: uid 0 and changes of the uid mean nothing for capabilities, and nobody can change that. Source: capabilities(7).
const securebits = 1<<0 | 1<<1 | // SECBIT_NOROOT and its lock
	1<<2 | 1<<3 | // SECBIT_NO_SETUID_FIXUP and its lock
	1<<5 // SECBIT_KEEP_CAPS_LOCKED

// needsMaps tells whether the module gets a user namespace.
func (b *builder) needsMaps() bool { return b.c.mapped || b.c.has(unix.CLONE_NEWUSER) }

// privileges takes all privileges away that the policy does not name.
func (b *builder) privileges() {
	b.credentials(b.c.userOrigin(), b.c.user, b.c.capabilities(), b.c.capabilityOrigin(), b.needsMaps(), b.c.becomes)
}

func (c *compiler) userOrigin() program.Origin {
	if c.module.DynamicUser.V {
		return origin(c.module.DynamicUser.Pos)
	}
	return origin(c.module.User.Pos)
}

func (c *compiler) capabilityOrigin() program.Origin { return firstOf(c.module.Capabilities) }

func (c *compiler) capabilities() uint64 {
	var mask uint64
	for _, v := range c.module.Capabilities {
		mask |= 1 << v.V
	}
	return mask
}

// credentials sets users, groups and capabilities; becomes says that the user is another one for the kernel. With maps the process enters a user namespace that shows only its own user and
// group; entering one sets the bounding set and the securebits back, so they come afterwards.
func (b *builder) credentials(userOrigin program.Origin, user User, caps uint64, capOrigin program.Origin, maps, becomes bool) {
	if maps {
		b.ids(userOrigin, user, becomes)
		b.userNamespace(userOrigin, user, becomes)
		b.bounding(capOrigin, caps)
	} else {
		b.bounding(capOrigin, caps)
		b.ids(userOrigin, user, becomes)
	}
	b.capset(capOrigin, caps)
}

// bounding empties the bounding set but for caps, and locks the securebits.
func (b *builder) bounding(o program.Origin, caps uint64) {
	for n := range b.c.facts.Capabilities.Last + 1 {
		if caps>>n&1 == 0 {
			b.call(o, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), capability(n))
		}
	}
	b.call(o, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"), program.Hex(securebits))
}

func capability(n policy.Capability) program.Value {
	return program.Const(uint64(n), n.String())
}

// ids sets groups, group and user. An ordinary user without sub-ids keeps its own: the kernel lets it have no others.
func (b *builder) ids(o program.Origin, user User, becomes bool) {
	if !becomes {
		return
	}
	groups := make([]byte, 0, 4*len(user.Groups))
	for _, g := range user.Groups {
		groups = binary.NativeEndian.AppendUint32(groups, uint32(g))
	}
	b.call(b.c.groupOrigin(o, user), "setgroups", unix.SYS_SETGROUPS, program.Int(len(user.Groups)), program.At(b.Bytes(groups), fmt.Sprint(user.Groups)))
	gid, uid := program.Int(int(user.GID)), program.Int(int(user.UID))
	b.call(o, "setresgid", unix.SYS_SETRESGID, gid, gid, gid)
	b.call(o, "setresuid", unix.SYS_SETRESUID, uid, uid, uid)
}

// userNamespace enters a user namespace in which the process's user and group are the only ones, and have the numbers of user.
// The child shares the spawner's memory, and after setresuid that is not dumpable, which would make the maps root's.
// Afterwards it is undumpable again, and the spawner with it, which is how that one stays: nobody can trace it. Source: user_namespaces(7).
func (b *builder) userNamespace(o program.Origin, user User, becomes bool) {
	outside := user
	if !becomes {
		outside.UID, outside.GID = b.c.facts.EUID, b.c.facts.EGID
	}
	dumpable := program.Const(unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE")
	b.call(o, "prctl", unix.SYS_PRCTL, dumpable, program.Int(1))
	b.call(o, "unshare", unix.SYS_UNSHARE, program.Const(unix.CLONE_NEWUSER, "CLONE_NEWUSER"))
	for _, f := range [...]struct{ name, text string }{
		{"setgroups", "deny"},
		{"gid_map", fmt.Sprintf("%d %d 1", user.GID, outside.GID)},
		{"uid_map", fmt.Sprintf("%d %d 1", user.UID, outside.UID)},
	} {
		b.write(o, f.name, f.text)
	}
	b.call(o, "prctl", unix.SYS_PRCTL, dumpable, program.Int(0))
}

// capset makes the effective, permitted and inheritable sets exactly caps, and the ambient set too, so that they survive the exec.
func (b *builder) capset(o program.Origin, caps uint64) {
	low, high := caps&0xffffffff, caps>>32
	header := b.Words(uint64(unix.LINUX_CAPABILITY_VERSION_3))
	sets := b.Words(low|low<<32, low|high<<32, high|high<<32)
	b.call(o, "capset", unix.SYS_CAPSET, program.At(header, "{_LINUX_CAPABILITY_VERSION_3, 0}"), program.At(sets, fmt.Sprintf("{%#x in each set}", caps)))
	b.call(o, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"),
		program.Const(unix.PR_CAP_AMBIENT_CLEAR_ALL, "PR_CAP_AMBIENT_CLEAR_ALL"), program.Int(0), program.Int(0), program.Int(0))
	for n := range policy.Capability(64) {
		if caps>>n&1 == 1 {
			b.call(o, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"),
				program.Const(unix.PR_CAP_AMBIENT_RAISE, "PR_CAP_AMBIENT_RAISE"), capability(n), program.Int(0), program.Int(0))
		}
	}
}

// readBack compares what the kernel says with what was asked for. Privileges that were not lost stop the launch.
func (b *builder) readBack() {
	c := b.c
	b.readIDs(c.userOrigin(), c.user)
	b.readGroups(c.userOrigin(), c.user, b.needsMaps(), c.becomes)
	b.readCaps(c.capabilityOrigin(), c.capabilities())
}

func (b *builder) readIDs(o program.Origin, user User) {
	ids := b.Words(0, 0, 0)
	real, effective, saved := program.At(ids, "&real"), program.At(ids+8, "&effective"), program.At(ids+16, "&saved")
	for _, q := range [...]struct {
		name   string
		number uint32
		want   uint64
	}{{"getresuid", unix.SYS_GETRESUID, uint64(user.UID)}, {"getresgid", unix.SYS_GETRESGID, uint64(user.GID)}} {
		b.call(o, q.name, q.number, real, effective, saved)
		for i, which := range [...]string{"real", "effective", "saved"} {
			b.Expect(o, program.Word(ids+uint32(8*i), which+" of "+q.name), 0xffffffff, q.want)
		}
	}
}

// mostReadGroups is how many supplementary groups are read back one by one; a user with more has as many steps as a launch program may.
const mostReadGroups = 512

// readGroups compares the supplementary groups: how many there are, and which. In a user namespace with maps they are all there and have the
// number of the overflow group. Only who becomes another user has set them.
func (b *builder) readGroups(o program.Origin, user User, maps, becomes bool) {
	if !becomes {
		return
	}
	o = b.c.groupOrigin(o, user)
	groups := slices.Sorted(slices.Values(user.Groups)) // as the kernel keeps them
	words := make([]uint64, len(groups)/2+1)
	at := b.Words(words...)
	list := program.Null()
	if len(groups) > 0 {
		list = program.At(at, "&groups")
	}
	b.call(o, "getgroups", unix.SYS_GETGROUPS, program.Int(len(groups)), list).Keep(4)
	b.Expect(o, program.Kept(4, "number of supplementary groups"), ^uint64(0), uint64(len(groups)))
	for i, g := range groups[:min(len(groups), mostReadGroups)] {
		if maps {
			g = b.c.facts.OverflowGID
		}
		b.Expect(o, program.Word(at+uint32(4*i), fmt.Sprintf("groups[%d]", i)), 0xffffffff, uint64(g))
	}
}

func (b *builder) readCaps(o program.Origin, caps uint64) {
	low, high := caps&0xffffffff, caps>>32
	header := b.Words(uint64(unix.LINUX_CAPABILITY_VERSION_3))
	sets := b.Words(^uint64(0), ^uint64(0), ^uint64(0))
	b.call(o, "capget", unix.SYS_CAPGET, program.At(header, "{_LINUX_CAPABILITY_VERSION_3, 0}"), program.At(sets, "&sets"))
	for i, want := range [...]uint64{low | low<<32, low | high<<32, high | high<<32} {
		b.Expect(o, program.Word(sets+uint32(8*i), fmt.Sprintf("sets[%d]", i)), ^uint64(0), want)
	}
	b.call(o, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_GET_SECUREBITS, "PR_GET_SECUREBITS")).Keep(5)
	b.Expect(o, program.Kept(5, "securebits"), ^uint64(0), securebits)
	for n := range b.c.facts.Capabilities.Last + 1 {
		if caps>>n&1 == 0 {
			b.call(o, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_CAPBSET_READ, "PR_CAPBSET_READ"), capability(n)).Keep(6)
			b.Expect(o, program.Kept(6, n.String()+" in the bounding set"), ^uint64(0), 0)
		}
	}
}
