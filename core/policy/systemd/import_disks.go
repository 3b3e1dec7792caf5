package systemd

import (
	"fmt"
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
			device = strings.TrimPrefix(device, "/dev/block/")
			value, why := diskRate(i, rate)
			if strings.ContainsAny(device, "%\\\"'") || !strings.HasPrefix(device, "/") && !strings.Contains(device, ":") {
				why = "a policy takes an absolute path without specifiers"
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
	v, err := strconv.ParseUint(s, 10, 40)
	size := policy.RateType(policy.RateNames()[i]) == policy.TypeSize
	switch {
	case err != nil:
		return "", "a policy takes a number"
	case size && v*factor >= 4096 && v < 1<<63/factor:
		value, _ = bytes(v * factor) // rounded down to whole KiB: stricter
		return value, ""
	case !size && v*factor >= 2 && v < 1<<32/factor:
		return strconv.FormatUint(v*factor, 10), ""
	}
	return "", "it is out of the range that a policy takes"
}
