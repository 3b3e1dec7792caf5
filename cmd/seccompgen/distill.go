package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The packages that -distill reads. A newer one is set here, and what it changes is seen in the inputs.
const (
	headersVersion = "6.12.117+deb12"
	commonPackage  = "linux-headers-" + headersVersion + "-common" // prototypes and constants of every architecture
	amd64Package   = "linux-headers-" + headersVersion + "-amd64"  // which function each number enters on x86
	armPackage     = "linux-headers-6.1.0-56-common"               // the same for ARM on aarch64: the last with unistd32.h
	manualPackage  = "manpages-dev"                                // first kernels
)

// packages is where packages were unpacked, with their versions.
type packages struct {
	dir     string
	version map[string]string
}

// distill makes the inputs anew from packages of Debian, which it downloads to a directory that it removes. It needs
// apt-get, dpkg-deb and, for the constants, gcc with its multilib headers.
func distill() (err error) {
	dir, err := os.MkdirTemp("", "seccompgen")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := packages{dir: dir, version: map[string]string{}}
	for _, name := range []string{commonPackage, amd64Package, armPackage, manualPackage} {
		if err := p.unpack(name); err != nil {
			return err
		}
	}
	for name, make := range map[string]func(packages) ([]byte, error){
		"x32.txt": distillX32, "arm.txt": distillARM, "entries.txt": distillEntries, "prototypes.txt": distillPrototypes,
		"since.txt": distillSince, "constants.txt": distillConstants,
	} {
		text, err := make(p)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(inputsDir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (p packages) unpack(name string) error {
	if _, err := p.run("apt-get", "download", "-q", name); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(p.dir, name+"_*.deb"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("apt-get download %s made %d files: %w", name, len(found), err)
	}
	if _, err := p.run("dpkg-deb", "-x", found[0], p.dir); err != nil {
		return err
	}
	version, err := p.run("dpkg-deb", "-f", found[0], "Version")
	p.version[name] = strings.TrimSpace(string(version))
	return err
}

func (p packages) run(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, nil
}

// path returns where a file of a package of headers is.
func (p packages) path(pkg, file string) string { return filepath.Join(p.dir, "usr/src", pkg, file) }

func (p packages) read(pkg, file string) (string, error) {
	text, err := os.ReadFile(p.path(pkg, file))
	return string(text), err
}

// start begins an input: what it is, and where it was taken from.
func (p packages) start(about string, from ...string) *bytes.Buffer {
	b := &bytes.Buffer{}
	fmt.Fprintf(b, "# %s. Made by seccompgen -distill.\n%s", about, originPrefix)
	for i, pkg := range from {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "%s %s", pkg, p.version[pkg])
	}
	b.WriteString("\n")
	return b
}

func distillX32(p packages) ([]byte, error) {
	text, err := p.read(amd64Package, "arch/x86/include/generated/uapi/asm/unistd_x32.h")
	if err != nil {
		return nil, err
	}
	b := p.start("The system calls of x32, without the bit that each of their numbers has", amd64Package)
	for _, m := range regexp.MustCompile(`(?m)^#define __NR_(\w+) \(__X32_SYSCALL_BIT \+ (\d+)\)$`).FindAllStringSubmatch(text, -1) {
		fmt.Fprintf(b, "%s %s\n", m[1], m[2])
	}
	return b.Bytes(), nil
}

func distillARM(p packages) ([]byte, error) {
	text, err := p.read(commonPackage, "arch/arm/include/uapi/asm/unistd.h")
	if err != nil {
		return nil, err
	}
	b := p.start("The calls that only ARM has, numbered from __ARM_NR_BASE", commonPackage)
	for _, m := range regexp.MustCompile(`(?m)^#define __ARM_NR_(\w+)\s+\(__ARM_NR_BASE\+(\d)\)$`).FindAllStringSubmatch(text, -1) {
		fmt.Fprintf(b, "%s 0x0f000%s\n", m[1], m[2])
	}
	return b.Bytes(), nil
}

var (
	entryByNumber = regexp.MustCompile(`(?m)^__SYSCALL\w*\((\d+), (\w+)(?:, (\w+))?\)$`)
	entryByName   = regexp.MustCompile(`(?m)^__S\w+\(__NR(?:3264)?_(\w+),\s*(\w+)(?:,\s*\\?\s*(\w+))?(?:,\s*\\?\s*(\w+))?\)$`)
)

// distillEntries writes which function of the kernel a call enters where it is not sys_ and its name. A program of i386, x32 or
// ARM is run by a kernel of 64 bits, so its entries are the compat ones.
func distillEntries(p packages) ([]byte, error) {
	b := p.start("ARCHITECTURE CALL FUNCTION: what a call enters where that is not sys_CALL", amd64Package, commonPackage, armPackage)
	src, err := findSource()
	if err != nil {
		return nil, err
	}
	tables, _, err := readTables(src)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		entries, err := p.entries(t)
		if err != nil {
			return nil, err
		}
		for _, c := range t.calls {
			if entry := entries[c.name]; entry != "" && entry != "sys_"+c.name {
				fmt.Fprintf(b, "%s %s %s\n", t.name, c.name, entry)
			}
		}
	}
	return b.Bytes(), nil
}

// entries returns the function that each call of an architecture enters, as far as its headers tell.
func (p packages) entries(t table) (map[string]string, error) {
	const generated = "arch/x86/include/generated/asm/"
	pkg, file := map[string][2]string{
		"x86_64":  {amd64Package, generated + "syscalls_64.h"},
		"x86":     {amd64Package, generated + "syscalls_32.h"},
		"x32":     {amd64Package, generated + "syscalls_x32.h"},
		"aarch64": {commonPackage, "include/uapi/asm-generic/unistd.h"},
		"arm":     {armPackage, "arch/arm64/include/asm/unistd32.h"},
	}[t.name], ""
	file = pkg[1]
	text, err := p.read(pkg[0], file)
	if err != nil {
		return nil, err
	}
	entries := map[string]string{}
	for _, m := range entryByName.FindAllStringSubmatch(text, -1) {
		entries[m[1]] = m[2]
		if strings.HasPrefix(m[0], "__SC_3264") || strings.HasPrefix(m[0], "__SC_COMP_3264") {
			entries[m[1]] = m[3] // of 64 bits
		}
	}
	newest := uint32(0) // between it and firstX32, the header of x32 is filled with sys_ni_syscall
	for _, c := range t.calls {
		if c.nr < firstX32 && strings.Contains(text, fmt.Sprintf("(%d, sys_%s)", c.nr, c.name)) {
			newest = max(newest, c.nr)
		}
	}
	for _, m := range entryByNumber.FindAllStringSubmatch(text, -1) {
		i := slices.IndexFunc(t.calls, func(c call) bool { return fmt.Sprint(c.nr) == m[1] })
		if i >= 0 && (t.name != "x32" || t.calls[i].nr <= newest || t.calls[i].nr >= firstX32) {
			entries[t.calls[i].name] = m[2]
			if m[3] != "" && t.name == "x86" {
				entries[t.calls[i].name] = m[3]
			}
		}
	}
	if len(entries) < 300 {
		return nil, fmt.Errorf("%s: only %d entries", file, len(entries))
	}
	return entries, nil
}

var (
	comment   = regexp.MustCompile(`(?s)/\*.*?\*/`)
	prototype = regexp.MustCompile(`asmlinkage\s+\w+\s+(\w+)\s*\(([^;]*)\)\s*;`)
)

// distillPrototypes writes every prototype of the headers, one a line, without the kernel's annotations.
func distillPrototypes(p packages) ([]byte, error) {
	b := p.start("The functions that system calls enter, as the kernel declares them", commonPackage)
	for _, file := range []string{"include/linux/syscalls.h", "include/linux/compat.h", "include/asm-generic/syscalls.h"} {
		text, err := p.read(commonPackage, file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(b, "# %s\n", file)
		for _, m := range prototype.FindAllStringSubmatch(comment.ReplaceAllString(text, ""), -1) {
			params := strings.NewReplacer("__user", "", "*", " * ").Replace(m[2])
			params = strings.ReplaceAll(strings.Join(strings.Fields(params), " "), "* *", "**")
			fmt.Fprintf(b, "%s(%s)\n", m[1], strings.ReplaceAll(strings.ReplaceAll(params, "* ", "*"), " ,", ","))
		}
	}
	return b.Bytes(), nil
}

var firstKernel = regexp.MustCompile(`(?m)^\\fB(\w+)\\fP\(2\)\t([\d.; ]+)`)

// distillSince writes the first kernel of each call as syscalls(2) has it: the lowest where it names a backport too.
func distillSince(p packages) ([]byte, error) {
	text, err := p.run("sh", "-c", "zcat usr/share/man/man2/syscalls.2.gz")
	if err != nil {
		return nil, err
	}
	b := p.start("The first kernel with each call, from syscalls(2)", manualPackage)
	for _, m := range firstKernel.FindAllStringSubmatch(string(text), -1) {
		versions := strings.FieldsFunc(m[2], func(r rune) bool { return r == ';' || r == ' ' })
		fmt.Fprintf(b, "%s %s\n", m[1], slices.MinFunc(versions, compareVersions))
	}
	return b.Bytes(), nil
}
