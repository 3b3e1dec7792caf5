package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/diskfile"
)

func TestDiskSettings(t *testing.T) {
	for _, test := range []struct {
		name    string
		version int
		rates   policy.IORates
		want    []setting
	}{
		{"one, version 2", 2, policy.IORates{RBPS: 1 << 20}, []setting{{"io.max", "8:16 rbps=1048576 wbps=max riops=max wiops=max"}}},
		{"all, version 2", 2, policy.IORates{RBPS: 4096, WBPS: -1, RIOPS: 2, WIOPS: 4294967294},
			[]setting{{"io.max", "8:16 rbps=4096 wbps=max riops=2 wiops=4294967294"}}},
		{"none, version 2", 2, policy.IORates{RBPS: -1}, nil},
		{"one, version 1", 1, policy.IORates{WIOPS: 5}, []setting{{"blkio.throttle.write_iops_device", "8:16 5"}}},
		{"all, version 1", 1, policy.IORates{RBPS: 4096, WBPS: 8192, RIOPS: 2, WIOPS: 3}, []setting{{"blkio.throttle.read_bps_device", "8:16 4096"},
			{"blkio.throttle.write_bps_device", "8:16 8192"}, {"blkio.throttle.read_iops_device", "8:16 2"}, {"blkio.throttle.write_iops_device", "8:16 3"}}},
		{"none, version 1", 1, policy.IORates{RBPS: -1}, nil},
	} {
		limit := policy.Resource{Key: "io.max", Device: "8:16", Rates: test.rates}
		got := place{Hierarchy: host.Hierarchy{Version: test.version}}.settings(limit)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(setting{})); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// TestWeightSettings: the figures for bfq are those of systemd's own test of its conversion.
func TestWeightSettings(t *testing.T) {
	for weight, want := range map[int64]string{
		1: "1 10", 50: "50 250", 100: "100 500", 200: "109 1000", 500: "136 1000", 5000: "545 1000", 10000: "1000 1000",
	} {
		limit := policy.Resource{Key: "io.weight", Limit: weight}
		old := place{weights: []string{"blkio.bfq.weight", "blkio.weight"}}.settings(limit)
		if got := old[0].want + " " + old[1].want; got != want {
			t.Errorf("%d: %s, want %s", weight, got, want)
		}
		bfq, _, _ := strings.Cut(want, " ")
		if got := (place{weights: weightFiles[2]}).settings(limit); len(got) != 2 || !got[0].holds("default "+strconv.FormatInt(weight, 10)) || got[1].want != "default "+bfq {
			t.Errorf("%d on version 2: %v", weight, got)
		}
	}
}

func TestSettingIsALine(t *testing.T) {
	s := setting{"io.max", "8:0 rbps=4096 wbps=max riops=max wiops=max"}
	for got, want := range map[string]bool{"7:0 rbps=1\n" + s.want: true, s.want + "\n7:0 rbps=1": true, "7:0 rbps=1": false, "": false, "1" + s.want: false} {
		if s.holds(got) != want {
			t.Errorf("%q: %t", got, !want)
		}
	}
}

func TestDiskUsage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("io.stat", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=7 dios=8 cost.usage=9\n8:0 \n259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n")
	write("blkio.throttle.io_service_bytes", "259:0 Read 1\n259:0 Write 2\n259:0 Sync 3\n259:0 Total 3\n8:16 Read 1459200\n8:16 Write 314773504\n8:0 Read 0\nTotal 316232707\n")
	write("blkio.throttle.io_serviced", "259:0 Read 3\n259:0 Write 4\n8:16 Read 192\n8:16 Write 353\n8:0 Read 0\nTotal 552\n")
	want := []DiskUsage{{"259:0", 1, 2, 3, 4}, {"8:16", 1459200, 314773504, 192, 353}}
	for version := 1; version <= 2; version++ {
		got, err := diskUsage(linux.New(), version, dir)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("version %d: %v\n%s", version, err, diff)
		}
	}
	write("io.stat", "7:0 7:1 8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=7 dios=8\n7:2 259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:3 ")
	got, err := diskUsage(linux.New(), 2, dir)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("names without an end of line: %v\n%s", err, diff)
	}
	write("io.stat", "8:16 rbytes=x\n")
	write("blkio.throttle.io_serviced", "8:16 Read\n")
	for version := 1; version <= 2; version++ {
		if _, err := diskUsage(linux.New(), version, dir); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("version %d, malformed: %v", version, err)
		}
	}
	if _, err := diskUsage(linux.New(), 2, dir+"/gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a group that is gone: %v", err)
	}
}

// FuzzAddUsage: whatever the kernel says, a disk has a number for a name.
func FuzzAddUsage(f *testing.F) {
	f.Add("8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=7 dios=8\n8:0 \n7:0 259:0 rbytes=1 wbytes=2 rios=3 wios=4\n")
	f.Add("259:0 Read 1\n259:0 Write 2\nTotal 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		for version, file := range [...]string{1: "blkio.throttle.io_serviced", 2: "io.stat"} {
			disks := map[string]*DiskUsage{}
			if file == "" || addUsage(disks, version, file, text) != nil {
				continue
			}
			for name, u := range disks {
				if name != u.Device || !strings.Contains(name, ":") || strings.ContainsAny(name, " \n") {
					t.Errorf("version %d: %q: %+v", version, name, u)
				}
			}
		}
	})
}

// TestDiskLimit: the limits are in the kernel's files, and hold. What is counted is what the kernel let through: never more than the rate for the
// time that has passed, while the same without a limit is done long before.
func TestDiskLimit(t *testing.T) {
	const rate, size = 1 << 20, 16 << 20
	file, device := diskfile.Make(t, size)
	eachVersion(t, host.IO, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.IO)
		limit := policy.Resource{Key: "io.max", Device: device, Rates: policy.IORates{RBPS: rate, WIOPS: 100}}
		i := instance(t, r, limit)
		free, err := r.Instance("web", "free", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(free.Kill(5*time.Second), free.Remove()); err != nil {
				t.Error(err)
			}
		})
		p, _ := i.placeOf(host.IO)
		for _, s := range p.settings(limit) {
			got, err := os.ReadFile(filepath.Join(p.base, i.rel, s.file))
			if err != nil || !slices.Contains(strings.Split(string(got), "\n"), s.want) {
				t.Errorf("%s holds %q, %v; want the line %q", s.file, got, err, s.want)
			}
		}
		readAll := "dd if=" + file + " of=/dev/null bs=65536 count=256 iflag=direct 2>/dev/null"
		began := time.Now()
		_, _ = start(t, i, readAll)
		control, output := start(t, free, readAll)
		if err := control.Wait(); err != nil {
			t.Fatalf("read without a limit: %v %s", err, output)
		}
		read := func(i *Instance) uint64 {
			u, err := i.Usage()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range u.IO {
				if d.Device == device {
					return d.ReadBytes
				}
			}
			return 0
		}
		whole := time.Since(began)
		if n := read(free); n < size {
			t.Errorf("without a limit %d bytes were read, want %d", n, size)
		}
		if whole > size/rate*time.Second/2 {
			t.Skipf("this disk needs %v to read %d bytes without a limit, so a limit shows nothing", whole, size)
		}
		// A slice of blk-throttle is 100 ms at most, and what is saved up one more; a request is as large as 64 KiB.
		eventually(t, "the limit has let something through", func() bool { return read(i) > 0 })
		for range 20 {
			n := read(i)
			if passed := time.Since(began); float64(n) > rate*passed.Seconds()+rate/2 {
				t.Fatalf("%d bytes in %v at %d bytes a second", n, passed, rate)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if n := read(i); n >= size {
			t.Errorf("all %d bytes were read", n)
		}
	})
}

// TestDiskWeight: a weight is in the file that this kernel has for it, in its range.
func TestDiskWeight(t *testing.T) {
	eachVersion(t, host.IO, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.IO)
		var p place
		for _, each := range r.places {
			if each.controllers&host.IO != 0 {
				p = each
			}
		}
		limit := policy.Resource{Key: "io.weight", Limit: 200}
		if len(p.weights) == 0 {
			_, err := r.Instance("web", "0", []policy.Resource{limit})
			if err == nil || !strings.Contains(err.Error(), "modprobe bfq") {
				t.Errorf("a kernel without a file for weights: %v", err)
			}
			t.Skipf("%s has none of %v", p.base+"/"+r.top, weightFiles[p.Version])
		}
		i := instance(t, r, limit)
		for _, s := range p.settings(limit) {
			got, err := os.ReadFile(filepath.Join(p.base, i.rel, s.file))
			if err != nil || !s.holds(strings.TrimSpace(string(got))) {
				t.Errorf("%s holds %q, %v; want %q", s.file, got, err, s.want)
			}
		}
	})
}

// TestDiskThatIsNone: the kernel's refusal of a disk that is not there comes with the limit's name, and nothing is left behind.
func TestDiskThatIsNone(t *testing.T) {
	eachVersion(t, host.IO, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.IO)
		_, err := r.Instance("web", "0", []policy.Resource{{Key: "io.max", Device: "4000:4000", Rates: policy.IORates{RBPS: 4096}}})
		if !errors.Is(err, unix.ENODEV) {
			t.Errorf("%v, want ENODEV", err)
		}
	})
}

// TestKillThrottled: a process that waits for its turn at a disk is killed at once all the same.
func TestKillThrottled(t *testing.T) {
	file, device := diskfile.Make(t, 1<<20)
	eachVersion(t, host.IO, func(t *testing.T, f host.Facts) {
		i := instance(t, open(t, f, host.IO), policy.Resource{Key: "io.max", Device: device, Rates: policy.IORates{RBPS: 4096}})
		// 256 KiB at 4 KiB a second take a minute.
		cmd, _ := start(t, i, "exec dd if="+file+" of=/dev/null bs=262144 iflag=direct 2>/dev/null")
		stat := fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid)
		eventually(t, "it waits for the disk", func() bool {
			text, err := os.ReadFile(stat)
			return err == nil && strings.Contains(string(text), "(dd) D ")
		})
		if err := i.Kill(20 * time.Second); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
}

// TestWrittenLater: on version 2 what the kernel writes back by itself is charged to the group that dirtied the memory, which takes the controller
// of memory besides. Source: cgroup-v2.rst, "Writeback".
func TestWrittenLater(t *testing.T) {
	const size = 4 << 20
	f := probe(t)
	need(t, f, host.IO)
	if h, _ := f.Cgroup.For(host.IO); h.Version == 1 {
		t.Skipf("the controller of disks is on version 1, in %s, which knows no owner of what is written back", h.Mount)
	}
	file, device := diskfile.Make(t, size)
	i := instance(t, open(t, f, host.IO), policy.Resource{Key: "io.max", Device: device, Rates: policy.IORates{WBPS: 1 << 30}})
	if _, ok := i.placeOf(host.Memory); !ok {
		t.Fatal("the controller of memory is not there")
	}
	file += ".new" // the memory of the other one belongs to this process
	t.Cleanup(func() { _ = os.Remove(file) })
	cmd, output := start(t, i, "dd if=/dev/zero of="+file+" bs=65536 count=64 2>/dev/null")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v %s", err, output)
	}
	unix.Sync() // the writing is done by a thread of the kernel, for this process, and not in the group
	eventually(t, "what was written back is counted in the group", func() bool {
		u, err := i.Usage()
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(u.IO, func(d DiskUsage) bool { return d.Device == device })
		return at >= 0 && u.IO[at].WrittenBytes >= size
	})
}
