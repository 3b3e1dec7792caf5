package cgroup

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// checkDisk refuses what the kernel would take for no limit, or for another disk's.
func checkDisk(limit policy.Resource) error {
	if major, minor := DiskNumber(limit.Device); major <= 0 || minor < 0 {
		return fmt.Errorf("limit io.max: the disk %q is not the MAJOR:MINOR of one", limit.Device)
	}
	if limit.Rates == (policy.IORates{}) {
		return fmt.Errorf("limit io.max: no rate of %s", limit.Device)
	}
	for i, rate := range limit.Rates.List() {
		if rate < Unlimited || rate == 1 { // which the kernel of version 2 takes for a mistake: tg_set_limit in blk-throttle.c
			return fmt.Errorf("limit io.max: %s of %s is %d, under which nothing could start", policy.RateNames()[i], limit.Device, rate)
		}
	}
	return nil
}

// DiskNumber returns MAJOR and MINOR of a device as a policy has it, or -1.
func DiskNumber(device string) (major, minor int64) {
	a, b, _ := strings.Cut(device, ":")
	major, errA := strconv.ParseInt(a, 10, 32)
	minor, errB := strconv.ParseInt(b, 10, 32)
	if errA != nil || errB != nil {
		return -1, -1
	}
	return major, minor
}

// diskSettings returns what limits one disk: a line for it in one file or, on version 1, in a file for each rate.
func diskSettings(version int, limit policy.Resource) []setting {
	line := limit.Device
	var all []setting
	for i, rate := range limit.Rates.List() {
		text := "max"
		if rate > 0 {
			text = strconv.FormatInt(rate, 10)
			file := [...]string{"read_bps", "write_bps", "read_iops", "write_iops"}[i]
			all = append(all, setting{"blkio.throttle." + file + "_device", limit.Device + " " + text})
		}
		line += " " + policy.RateNames()[i] + "=" + text
	}
	if len(all) == 0 || version == 1 {
		return all // a new group has no limits
	}
	return []setting{{"io.max", line}}
}

// Unthrottle lifts the limits of disks. It is for an instance that is being killed: a process whose request waits for its turn does not die before that
// is through, which at a few kilobytes a second takes longer than anybody waits. What cannot be lifted is not: Kill says so later.
func (i *Instance) Unthrottle() {
	p, ok := i.placeOf(host.IO)
	if !ok {
		return
	}
	for _, limit := range i.diskLimits {
		for _, s := range p.settings(limit) {
			text := limit.Device + " 0"
			if p.Version == 2 {
				text = limit.Device + " rbps=max wbps=max riops=max wiops=max"
			}
			_ = writeFile(i.root.kernel, i.dir(p)+"/"+s.file, text)
		}
	}
}

// weightFiles are where weights of disks are written to in each version: those of the cost model, which version 2 has, those of bfq, and those of a
// scheduler that Linux had until 5.0.
var weightFiles = map[int][]string{1: {"blkio.bfq.weight", "blkio.weight"}, 2: {"io.weight", "io.bfq.weight"}}

// weightSettings returns what a weight is in the files that there are. The other ranges are met as systemd does it: 100, the weight of who says
// nothing, stays what it is, and the highest is the highest. Source: BFQ_WEIGHT and cgroup_weight_io_to_blkio in systemd's sources,
// systemd.resource-control(5) on IOWeight=.
func weightSettings(files []string, limit policy.Resource) []setting {
	var all []setting
	for _, file := range files {
		weight := limit.Limit
		switch {
		case file == "blkio.weight": // 10 to 1000, 500 is the preset
			weight = min(max(weight*500/100, 10), 1000)
		case file != "io.weight" && weight > 100: // bfq: 1 to 1000, 100 is the preset
			weight = 100 + (weight-100)*(1000-100)/(10_000-100)
		}
		text := strconv.FormatInt(weight, 10)
		if strings.HasPrefix(file, "io.") {
			text = "default " + text // a line for each disk with another weight may follow
		}
		all = append(all, setting{file, text})
	}
	return all
}
