package demo

import (
	"slices"
	"testing"
)

func TestParseMounts(t *testing.T) {
	got, err := parseMounts("36 35 98:0 /mnt1 /mnt\\040two ro,noatime master:1 shared:2 - ext3 /dev/root\\134x rw,errors=continue\n" +
		"37 36 0:5 / /proc rw - proc none rw\n")
	want := []Mount{{Point: "/mnt two", Type: "ext3", Options: "ro,noatime", Super: "rw,errors=continue", Source: `/dev/root\x`, Root: "/mnt1"},
		{Point: "/proc", Type: "proc", Options: "rw", Super: "rw", Source: "none", Root: "/"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"\n", "36 35 98:0 / /mnt rw", "36 35 98:0 / /mnt - ext3 x rw", "36 35 98:0 / /mnt rw - ext3"} {
		if got, err := parseMounts(bad); err == nil {
			t.Errorf("%q: %v and no error", bad, got)
		}
	}
}

func TestReadOwnMounts(t *testing.T) {
	got, err := readMounts(ownProc + "/mountinfo")
	if err != nil || !slices.ContainsFunc(got, func(m Mount) bool { return m.Point == "/" }) {
		t.Errorf("got %+v, %v", got, err)
	}
}
