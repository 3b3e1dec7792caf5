package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	to := flag.String("to", ".cache/join", "the `DIR` that what is made goes to")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "join: usage: join -to DIR PROGRAM")
		os.Exit(2)
	}
	flags, err := join(flag.Arg(0), *to, strings.Fields(cmp.Or(os.Getenv("CC"), "gcc")))
	if err != nil {
		fmt.Fprintln(os.Stderr, "join:", err)
		os.Exit(1)
	}
	fmt.Println(flags)
}

// join writes the object and the linker script, and returns the flags for the linker.
func join(program, to string, compiler []string) (string, error) {
	image, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	p, err := parse(image)
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	assembly, script := p.assembly(), p.script()
	hash := sha256.New()
	for _, part := range [][]byte{image, []byte(assembly), []byte(script)} {
		fmt.Fprintf(hash, "%d:", len(part))
		hash.Write(part)
	}
	dir, err := filepath.Abs(filepath.Join(to, fmt.Sprintf("%.8x", hash.Sum(nil))))
	if err != nil {
		return "", err
	}
	object, placed := filepath.Join(dir, "exec.o"), filepath.Join(dir, "place.ld")
	// For the go command, which splits what is in the quotation marks of -extldflags, and knows no escapes.
	if strings.ContainsAny(dir, "\"'") {
		return "", fmt.Errorf("%s: the linker cannot be told of a path with a quotation mark in it; build in a directory without one", dir)
	}
	flags := fmt.Sprintf("-Wl,-e,bulkhead_entry -T '%s' '%s'", placed, object)
	if _, err := os.Stat(object); err == nil {
		return flags, os.Chtimes(dir, time.Time{}, time.Now()) // it is used, and not to be forgotten
	}
	if err := forget(to); err != nil {
		return "", err
	}
	// Others may build the same tree at the same time.
	made, err := os.MkdirTemp(to, "making-")
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(to, 0o755); err == nil {
			made, err = os.MkdirTemp(to, "making-")
		}
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(made) }()
	for name, text := range map[string][]byte{"exec.elf": image, "exec.S": []byte(assembly), "place.ld": []byte(script)} {
		if err := os.WriteFile(filepath.Join(made, name), text, 0o644); err != nil {
			return "", err
		}
	}
	cmd := exec.Command(compiler[0], append(compiler[1:len(compiler):len(compiler)], "-c", "-o", "exec.o", "exec.S")...)
	cmd.Dir = made
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("assemble with $CC: %w (./bootstrap deps installs what is missing)\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(made, "exec.elf")); err != nil {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil {
		if _, there := os.Stat(object); there != nil {
			return "", err
		}
	}
	return flags, os.Chmod(dir, 0o755)
}

// forget removes what was made for programs of before, which nobody links any more.
func forget(to string) error {
	dirs, err := os.ReadDir(to)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, d := range dirs {
		if info, err := d.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
			if err := os.RemoveAll(filepath.Join(to, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
