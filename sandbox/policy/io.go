package policy

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// IORates are the limits of one disk: bytes read and written and requests to read and to write, each in a second. 0 is none said, -1 is "max".
type IORates struct{ RBPS, WBPS, RIOPS, WIOPS int64 }

// List returns the rates in the order of [RateNames].
func (r IORates) List() [4]int64 { return [...]int64{r.RBPS, r.WBPS, r.RIOPS, r.WIOPS} }

// RateNames are the names of the [IORates], in their order, as io.max has them. Source: the kernel's cgroup-v2 documentation.
func RateNames() []string { return []string{"rbps", "wbps", "riops", "wiops"} }

// RateType returns what the value of a rate is, besides "max".
func RateType(name string) ValueType {
	if strings.HasSuffix(name, "bps") {
		return TypeSize
	}
	return TypeNumber
}

// String returns the rates as the kernel writes them, with sizes in units: "rbps=10M wiops=100".
func (r IORates) String() string {
	rates := r.List()
	var parts []string
	for i, name := range RateNames() {
		switch {
		case rates[i] == -1:
			parts = append(parts, name+"=max")
		case rates[i] != 0 && RateType(name) == TypeSize:
			parts = append(parts, name+"="+bytesOf(rates[i]))
		case rates[i] != 0:
			parts = append(parts, name+"="+strconv.FormatInt(rates[i], 10))
		}
	}
	return strings.Join(parts, " ")
}

const (
	maxDisks   = 16
	minRate    = 4096               // a page a second
	minOps     = 2                  // the kernel takes 1 for a mistake: tg_set_limit in block/blk-throttle.c
	maxOps     = math.MaxUint32 - 1 // the highest number is its word for no limit
	maxMajor   = 1<<12 - 1          // the kernel's dev_t
	maxMinor   = 1<<20 - 1
	anyDisk    = "/dev/sda"
	exampleMax = "a map from disks to rates, such as {" + anyDisk + ": {rbps: 10M, wiops: 100}}"
)

// ioMax reads the limits of disks, one for each.
func (d *decoder) ioMax(n *node, r Resource) []Resource {
	if n.kind != kindMap {
		d.wrongType(n, exampleMax)
		return nil
	}
	if len(n.entries) == 0 {
		d.report(codeNoEffect, n.span, "io.max has no effect: it is empty").help("remove it, or write {" + anyDisk + ": {rbps: 10M}}")
		return nil
	}
	var limits []Resource
	first := map[string]Pos{}
	for i, e := range n.entries {
		if i == maxDisks {
			d.report(codeRange, e.at, "io.max has %d disks; at most %d", len(n.entries), maxDisks)
			break
		}
		device, known := d.disk(e)
		if !known {
			continue
		}
		if earlier, twice := first[device]; twice {
			d.twice(e.at, "disk "+device, earlier)
			continue
		}
		first[device] = e.at.pos
		if rates, ok := d.rates(e); ok {
			limits = append(limits, Resource{Key: r.Key, Device: device, Rates: rates, Pos: e.at.pos})
		}
	}
	slices.SortFunc(limits, func(a, b Resource) int { return cmp.Compare(a.Device, b.Device) })
	return limits
}

// disk reads what names a disk: a path, of a block device or of anything in a file system on one, or MAJOR:MINOR. Which disk it is depends on the
// host, and is asked when the module starts.
func (d *decoder) disk(e entry) (string, bool) {
	name := e.key
	if slices.Contains(RateNames(), name) {
		d.report(codePath, e.at, "%s is a rate of a disk, and no disk is named", name).help("write io.max: {%s: {%s: …}}", anyDisk, name)
		return "", false
	}
	if strings.HasPrefix(name, "/") {
		return d.path(&node{span: e.at, kind: kindScalar, text: name}, name)
	}
	major, minor, two := strings.Cut(name, ":")
	if !two || !digits(major) || !digits(minor) {
		g := d.report(codePath, e.at, "%q is neither an absolute path nor the MAJOR:MINOR of a device", name).
			help("write a path such as %s or /var/lib, or a number such as \"8:0\"", anyDisk)
		if name != "" && !strings.ContainsAny(name, "/: ") {
			g.hint(didYouMean("/dev/" + name))
		}
		return "", false
	}
	a, errA := strconv.ParseUint(major, 10, 32)
	b, errB := strconv.ParseUint(minor, 10, 32)
	if errA != nil || errB != nil || a == 0 || a > maxMajor || b > maxMinor {
		d.report(codeRange, e.at, "%s is the number of no block device: MAJOR is from 1 to %d and MINOR from 0 to %d", name, maxMajor, maxMinor)
		return "", false
	}
	return strconv.FormatUint(a, 10) + ":" + strconv.FormatUint(b, 10), true
}

// rates reads the limits of one disk.
func (d *decoder) rates(e entry) (rates IORates, ok bool) {
	f, ok := d.fields(e.value, "a disk of io.max", "a map such as {rbps: 10M, wiops: 100}", "rbps", "wbps", "riops", "wiops")
	if !ok {
		return rates, false
	}
	for i, rate := range []*int64{&rates.RBPS, &rates.WBPS, &rates.RIOPS, &rates.WIOPS} {
		if n := f.get(RateNames()[i]); n != nil {
			var fine bool
			*rate, fine = d.rate(n, RateNames()[i])
			ok = ok && fine
		}
	}
	if len(e.value.entries) == 0 {
		d.report(codeNoEffect, e.at, "io.max says nothing about %s", e.key).help("remove it, or give it some of %s", strings.Join(RateNames(), ", "))
		return rates, false
	}
	return rates, ok
}

func (d *decoder) rate(n *node, name string) (int64, bool) {
	if isMax(n) {
		return -1, true
	}
	if RateType(name) != TypeSize {
		return d.integer(n, name, minOps, maxOps)
	}
	v, ok := d.size(n, name)
	if ok && v < minRate {
		d.report(codeRange, n.span, "%s is less than a page in a second; nothing could be loaded", name).help("write a size such as 10M")
		return 0, false
	}
	return v, ok
}
