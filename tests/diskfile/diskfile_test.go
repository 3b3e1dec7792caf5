package diskfile

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMake: the file is as large as it was to be, on a block device, and gone after the test that it was made for.
func TestMake(t *testing.T) {
	var path string
	t.Run("the test that has it", func(t *testing.T) {
		var disk string
		path, disk = Make(t, 4099)
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || st.Size != 4099 || st.Mode&0o777 != 0o666 {
			t.Errorf("%d bytes with mode %o, %v", st.Size, st.Mode, err)
		}
		if _, err := os.Stat("/sys/dev/block/" + disk); err != nil || unix.Major(st.Dev) == 0 {
			t.Errorf("the disk is %q, the file on %d:%d: %v", disk, unix.Major(st.Dev), unix.Minor(st.Dev), err)
		}
		if dir := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)); !within(dir, disk) {
			t.Errorf("%s is neither the disk %s nor a part of it", dir, disk)
		}
	})
	if path == "" {
		return // it was skipped
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("afterwards: %v", err)
	}
}

// within tells whether a block device is a disk or on it.
func within(device, disk string) bool {
	for _, file := range []string{"/dev", "/../dev"} {
		if text, err := os.ReadFile(device + file); err == nil && string(text) == disk+"\n" {
			return true
		}
	}
	return false
}
