package linux

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// status returns the words after a key of the calling thread's status.
func status(t *testing.T, key string) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/status")
	must(t, "read status", err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Fields(rest)
		}
	}
	t.Fatalf("no %s in the status", key)
	return nil
}

func TestIdentity(t *testing.T) {
	k := New()
	uid, gid := status(t, "Uid"), status(t, "Gid")
	for _, tt := range []struct {
		name string
		got  uint32
		want string
	}{
		{"Getuid", uint32(k.Getuid()), uid[0]}, {"Geteuid", uint32(k.Geteuid()), uid[1]},
		{"Getgid", uint32(k.Getgid()), gid[0]}, {"Getegid", uint32(k.Getegid()), gid[1]},
	} {
		if strconv.Itoa(int(tt.got)) != tt.want {
			t.Errorf("%s is %d, /proc says %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestGetgroups(t *testing.T) {
	k := New()
	var want []posix.GID
	for _, word := range status(t, "Groups") {
		n, err := strconv.ParseUint(word, 10, 32)
		must(t, "parse a group", err)
		want = append(want, posix.GID(n))
	}
	count, err := k.Getgroups(nil)
	if count != len(want) || err != nil {
		t.Fatalf("%d groups, %v, /proc says %d", count, err, len(want))
	}
	groups := make([]posix.GID, count+2)
	n, err := k.Getgroups(groups)
	if err != nil || !slices.Equal(groups[:n], want) {
		t.Errorf("groups %v, %v, /proc says %v", groups[:n], err, want)
	}
	if count > 1 {
		_, err = k.Getgroups(groups[:1])
		check(t, "no room for all", err, unix.EINVAL)
	}
}

func TestCapget(t *testing.T) {
	var sets posix.CapSets
	check(t, "Capget", New().Capget(&sets), 0)
	for _, tt := range []struct {
		key string
		got uint64
	}{{"CapEff", sets.Effective}, {"CapPrm", sets.Permitted}, {"CapInh", sets.Inheritable}} {
		want, err := strconv.ParseUint(status(t, tt.key)[0], 16, 64)
		must(t, "parse a set", err)
		if tt.got != want {
			t.Errorf("%s is %x, /proc says %x", tt.key, tt.got, want)
		}
	}
}
