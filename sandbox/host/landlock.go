package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// landlockFeatures are what each version of Landlock brought, and with which kernel. Source: landlock(7).
var landlockFeatures = []struct {
	abi    int
	name   string
	kernel string
	detail string
}{
	{1, "landlock", "5.13", "files and directories below a path; not chmod, chown, stat and descriptors that are inherited"},
	{2, "landlock refer", "5.19", "moving and linking files between directories"},
	{3, "landlock truncate", "6.2", "shortening files"},
	{4, "landlock network", "6.7", "binding and connecting TCP ports"},
	{5, "landlock ioctl_dev", "6.10", "ioctl on devices"},
	{6, "landlock scope", "6.12", "signals and abstract unix sockets to processes outside"},
	{7, "landlock audit", "6.15", "which denials are logged"},
}

func landlockReport(f Facts) []Protection {
	var rows []Protection
	for _, feature := range landlockFeatures {
		p := Protection{Name: feature.name, Available: Yes, Detail: feature.detail}
		switch {
		case f.Landlock.ABI >= feature.abi:
			if feature.abi == 1 {
				p.Detail = fmt.Sprintf("version %d: %s", f.Landlock.ABI, feature.detail)
			}
		case f.Landlock.ABI > 0:
			p.Available = No
			p.Detail = fmt.Sprintf("needs version %d, this kernel has %d; without it Landlock does not restrict %s",
				feature.abi, f.Landlock.ABI, feature.detail)
			p.Enable = "Linux " + feature.kernel + " or newer"
		case feature.abi > 1:
			p.Available, p.Detail, p.Enable = No, "no Landlock, which would restrict "+feature.detail, "see landlock; Linux "+feature.kernel+" or newer"
		default:
			p.Available = No
			p.Detail, p.Enable = landlockAbsent(f)
		}
		rows = append(rows, p)
	}
	return rows
}

// landlockAbsent says why there is no Landlock at all.
func landlockAbsent(f Facts) (detail, enable string) {
	switch f.Landlock.Errno {
	case unix.EOPNOTSUPP:
		return "it was switched off when the kernel started", "add landlock to the lsm= list on the kernel's command line, and restart"
	case unix.EPERM:
		return "a filter that this process is under refuses it", "run the supervisor outside of the container, or allow the landlock calls in its filter"
	}
	if atLeast(f.Kernel, 5, 13) {
		return "this kernel was built without it", "a kernel with CONFIG_SECURITY_LANDLOCK=y"
	}
	return "this kernel is too old for it", "Linux 5.13 or newer"
}
