// Package diskfile makes files that are on a disk, for tests of what limits disks.
package diskfile

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// Directory is the variable of the environment that names a directory on a disk, for a machine whose directory for what is temporary is on none.
const Directory = "BULKHEAD_DISK"

// Make makes a file of size bytes on a disk, which everybody may read and write and which goes with the test, and returns the disk as MAJOR:MINOR
// besides. What it holds is on the disk and not only in memory. It skips the test where files are on no disk.
func Make(t testing.TB, size int) (path, disk string) {
	t.Helper()
	for _, dir := range []string{t.TempDir(), os.Getenv(Directory)} {
		if dir == "" {
			continue
		}
		d, err := host.FindDisk(linux.New(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if d.Lacks != "" {
			t.Log(d.Lacks)
			continue
		}
		f, err := os.CreateTemp(dir, "bulkhead-disk-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(f.Name()) })
		_, err = f.Write(bytes.Repeat([]byte("bulkhead"), size/8+1)[:size])
		if err := errors.Join(err, f.Chmod(0o666), f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return f.Name(), d.Number
	}
	t.Skip("no file of this test is on a disk, and " + Directory + " names no directory that is")
	return "", ""
}
