package host

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// parseStatus fills facts from /proc/self/status. Source: proc_pid_status(5).
func parseStatus(text string, f *Facts) error {
	hex := map[string]*uint64{
		"SigIgn": &f.SigIgn,
		"CapEff": &f.Capabilities.Effective,
		"CapPrm": &f.Capabilities.Permitted,
		"CapBnd": &f.Capabilities.Bounding,
	}
	found := 0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		if place := hex[name]; place != nil {
			*place, err = strconv.ParseUint(value, 16, 64)
			found++
		} else if name == "NoNewPrivs" {
			f.NoNewPrivs = value == "1"
		} else if name == "Seccomp" {
			f.SeccompMode, err = strconv.Atoi(value)
		}
		if err != nil {
			return fmt.Errorf("parse /proc/self/status, line %q: %w", strings.TrimSpace(line), err)
		}
	}
	if found != len(hex) {
		return fmt.Errorf("parse /proc/self/status: %d of %d lines about signals and capabilities are missing", len(hex)-found, len(hex))
	}
	return nil
}

// parseRelease returns the version in a kernel release such as "6.1.0-28-cloud-amd64".
func parseRelease(release string) (policy.KernelVersion, error) {
	digits := func(s string) (int, string, error) {
		end := 0
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(s[:end])
		return n, s[end:], err
	}
	major, rest, err := digits(release)
	if err != nil || !strings.HasPrefix(rest, ".") {
		return policy.KernelVersion{}, fmt.Errorf("parse kernel release %q: no version", release)
	}
	minor, _, err := digits(rest[1:])
	if err != nil {
		return policy.KernelVersion{}, fmt.Errorf("parse kernel release %q: no minor version", release)
	}
	return policy.KernelVersion{Major: major, Minor: minor}, nil
}

// atLeast tells whether the kernel is major.minor or newer.
func atLeast(v policy.KernelVersion, major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}
