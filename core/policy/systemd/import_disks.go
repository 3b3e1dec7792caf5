package systemd

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// disks reads the weight and the rates of disks. Source: systemd.resource-control(5), which counts these sizes to the base of 1000.
func (im *importer) disks(u *unit) (resources []string) {
	if a := u.scalar("Service", "IOWeight"); a != nil {
		if v, err := strconv.ParseUint(a.value, 10, 16); err == nil && v >= 1 && v <= 10_000 {
			resources = append(resources, fmt.Sprintf("io.weight: %d", v))
		} else {
			im.note(a.pos, "IOWeight=%s is not carried: a policy takes a number from 1 to 10000", short(a.value))
		}
	}
	rates := map[string][4]string{}
	var order []string
	for i, key := range rateDirectives {
		for _, a := range u.lines("Service", key) {
			at := strings.LastIndexAny(a.value, " \t")
			device, rate := strings.Trim(strings.TrimSpace(a.value[:max(at, 0)]), `"'`), a.value[at+1:]
			value, why := diskRate(i, rate)
			device, ok := diskName(device)
			if !ok {
				why = "a policy takes an absolute path without specifiers, or the number of a block device"
			}
			if why != "" {
				im.note(a.pos, "%s=%s is not carried: %s", key, short(a.value), why)
				continue
			}
			if !slices.Contains(order, device) {
				order = append(order, device)
			}
			of := rates[device]
			of[i] = value
			rates[device] = of
		}
	}
	var all []string
	for _, device := range order {
		var of []string
		for i, value := range rates[device] {
			if value != "" {
				of = append(of, policy.RateNames()[i]+": "+value)
			}
		}
		all = append(all, exchange.Scalar(device)+": {"+strings.Join(of, ", ")+"}")
	}
	if len(all) > 0 {
		resources = append(resources, "io.max: {"+strings.Join(all, ", ")+"}")
	}
	return resources
}

// diskName writes what names a disk as a policy has it: one name for each, because it may be there only once.
func diskName(s string) (string, bool) {
	if strings.ContainsAny(s, "%\\\"'") || !strings.HasPrefix(s, "/") {
		return "", false
	}
	s = path.Clean(s)
	number, isNumber := strings.CutPrefix(s, "/dev/block/")
	if !isNumber {
		return s, true
	}
	major, minor, _ := strings.Cut(number, ":")
	a, errA := strconv.ParseUint(major, 10, 12) // the kernel's dev_t
	b, errB := strconv.ParseUint(minor, 10, 20)
	return fmt.Sprintf("%d:%d", a, b), errA == nil && errB == nil && a > 0
}

// diskRate writes a rate as a policy has it, or says why that cannot be.
func diskRate(i int, s string) (value, why string) {
	if s == "infinity" {
		return "max", ""
	}
	factor := uint64(1)
	if s != "" {
		if unit := strings.IndexByte("BKMGT", s[len(s)-1]); unit >= 0 {
			s = s[:len(s)-1]
			for range unit {
				factor *= 1000
			}
		}
	}
	v, err := strconv.ParseUint(s, 10, 64)
	size := policy.RateType(policy.RateNames()[i]) == policy.TypeSize
	switch {
	case err != nil:
		return "", "a policy takes a number"
	case size && v < 1<<63/factor && v*factor >= 4096:
		value, _ = bytes(v * factor) // rounded down to whole KiB: stricter
		return value, ""
	case !size && v <= (math.MaxUint32-1)/factor && v*factor >= 2: // the highest number is the kernel's word for no limit
		return strconv.FormatUint(v*factor, 10), ""
	}
	return "", "it is out of the range that a policy takes"
}
