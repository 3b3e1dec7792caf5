package vet

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// trap finds the instructions that enter the kernel, as Go's assembler writes them.
var trap = regexp.MustCompile(`^\s*(?:\w+:\s*)?(SYSCALL|SYSENTER|SVC|INT\s+\$0x80)\b`)

// assembly reports instructions that enter the kernel.
func (c *checker) assembly() {
	for _, name := range c.pass.OtherFiles {
		if !strings.HasSuffix(name, ".s") {
			continue
		}
		text, err := c.read(name)
		if err != nil {
			c.pass.Reportf(c.pass.Files[0].Package, "%v", fmt.Errorf("read the assembly of this package: %w", err))
			continue
		}
		file := c.pass.Fset.AddFile(name, -1, len(text))
		file.SetLinesForContent(text)
		for i, line := range strings.Split(string(text), "\n") {
			if trap.MatchString(line) {
				c.use(file.LineStart(i+1), "assembly", "an instruction that enters the kernel", "make the call through posix.Core")
			}
		}
	}
}

// read reads a file through the driver when that has a way of its own (overlays).
func (c *checker) read(name string) ([]byte, error) {
	if c.pass.ReadFile != nil {
		return c.pass.ReadFile(name)
	}
	return os.ReadFile(name)
}
