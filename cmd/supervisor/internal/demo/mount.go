package demo

import (
	"fmt"
	"os"
	"strings"
)

// Mount is one of the process's mounts.
type Mount struct {
	Point   string `json:"point"`
	Type    string `json:"type"`
	Options string `json:"options"`     // of the mount
	Super   string `json:"file_system"` // options of the file system
	Source  string `json:"source"`      // what the file system is on
	Root    string `json:"root"`        // which part of it
}

// readMounts reads a file such as /proc/self/mountinfo: proc_pid_mountinfo(5).
func readMounts(path string) ([]Mount, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return []Mount{}, fmt.Errorf("read the mounts: %w", err)
	}
	return parseMounts(string(text))
}

func parseMounts(text string) ([]Mount, error) {
	out := []Mount{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		before, after, ok := strings.Cut(line, " - ")
		mount, system := strings.Split(before, " "), strings.Split(after, " ")
		if !ok || len(mount) < 6 || len(system) < 3 {
			return out, fmt.Errorf("read the mounts: %q is not a mount", line)
		}
		out = append(out, Mount{Point: unescape(mount[4]), Type: system[0], Options: mount[5], Super: system[2], Source: unescape(system[1]),
			Root: unescape(mount[3])})
	}
	return out, nil
}

// unescape undoes the four escapes that the kernel makes in paths.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
