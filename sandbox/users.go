package sandbox

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/bulkhead/bulkhead/posix"
)

// The numbers of dynamic users and of their groups, both included: the range that systemd keeps for DynamicUser=. Source: systemd.exec(5).
const (
	FirstDynamicUser posix.UID = 61184
	LastDynamicUser  posix.UID = 65519
)

// systemdUsers has a file for each user that systemd has given away, named by its number.
const systemdUsers = "/run/systemd/dynamic-uid/"

// Users are the users of the modules that belong together, so that none of them gets the dynamic user of another. The zero value has none.
// It is for one goroutine.
type Users struct{ taken map[posix.UID]bool }

func (u *Users) take(uid posix.UID) {
	if u.taken == nil {
		u.taken = map[posix.UID]bool{}
	}
	u.taken[uid] = true
}

// dynamicUser chooses a user for the module: the number follows from the module's name, so that it stays the same as long as nobody
// else has it. It returns false when there is a problem.
func (c *compiler) dynamicUser() (User, bool) {
	const count = uint64(LastDynamicUser - FirstDynamicUser + 1)
	named := map[string]bool{} // numbers that other modules have, whether they are compiled yet or not
	for _, m := range c.Policy.Modules {
		named[m.User.V] = true
	}
	sum := sha256.Sum256([]byte(c.module.Name))
	start := binary.BigEndian.Uint64(sum[:]) % count
	for i := range count {
		uid := FirstDynamicUser + posix.UID((start+i)%count)
		number := strconv.FormatUint(uint64(uid), 10)
		if c.Users.taken[uid] || named[number] {
			continue
		}
		_, known, err := c.host.User(number)
		if err != nil {
			c.hostError(c.module.DynamicUser.Pos, "the user database", err)
			return User{}, false
		}
		file, err := c.host.File(systemdUsers + number)
		if err != nil {
			c.hostError(c.module.DynamicUser.Pos, systemdUsers+number, err)
			return User{}, false
		}
		if !known && file.Kind == Absent {
			return User{UID: uid, GID: posix.GID(uid)}, true
		}
	}
	c.problem("E615", c.module.DynamicUser.Pos, fmt.Sprintf("every user from %d to %d is somebody's", FirstDynamicUser, LastDynamicUser), "name a user")
	return User{}, false
}
