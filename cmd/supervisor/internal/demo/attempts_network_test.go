package demo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const noDevices = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`

func TestDeviceNames(t *testing.T) {
	if got := deviceNames(noDevices); len(got) != 0 {
		t.Errorf("found %v where only lo is", got)
	}
	two := noDevices + "  eth0:  1 2 3\nwlan0.5:123 4\n"
	if got := deviceNames(two); !slices.Equal(got, []string{"eth0", "wlan0.5"}) {
		t.Errorf("found %v", got)
	}
}

func TestDevices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dev")
	if a := devices(path); a.refused != LayerMounts {
		t.Errorf("a file that is not there: %+v", a)
	}
	for text, refused := range map[string]Layer{noDevices: LayerNetwork, noDevices + " eth0: 1\n": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if a := devices(path); a.refused != refused || a.said == "" {
			t.Errorf("got %+v; want refused by %q", a, refused)
		}
	}
}
