package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// config says how the running kernel was configured in one respect, where it says so.
func config(key string) func() string {
	return func() string {
		f, err := os.Open("/proc/config.gz")
		if err != nil {
			return ""
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return ""
		}
		lines := bufio.NewScanner(z)
		for lines.Scan() {
			if l := lines.Text(); strings.HasPrefix(l, key+"=") || l == "# "+key+" is not set" {
				return "/proc/config.gz: " + strings.TrimPrefix(l, "# ")
			}
		}
		return "/proc/config.gz has no " + key
	}
}

// setting says what a file of /proc/sys has.
func setting(path string) func() string {
	return func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%s is %s", path, strings.TrimSpace(string(text)))
	}
}

// unprivileged says that the attack takes a capability which its caller has not got.
func unprivileged(what string) func() string {
	return func() string {
		if isRoot() {
			return ""
		}
		return fmt.Sprintf("it takes %s on the host, and the effective user is %d", what, os.Geteuid())
	}
}

func no32Bit() string { return config("CONFIG_IA32_EMULATION")() }
