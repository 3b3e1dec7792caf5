package invoke

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/source"
)

// carried is what goes along into the user namespace: the policies as they were read and checked outside, and what was found to be
// trusted then, so that they can be read again.
type carried struct {
	Sources []compile.Source  `json:"sources"`
	Trusted []source.Identity `json:"trusted"`
	// Included are the files that the policies include, by the paths that they are asked for with.
	Included map[string]source.File `json:"included,omitempty"`
	// NoSubIDs is why the namespace has the user and the group alone, although the host gives the user more.
	NoSubIDs string `json:"no_sub_ids,omitempty"`
}

// handOver puts it into a sealed file in memory that stays open over an exec. The caller owns the descriptor.
func handOver(core posix.Core, c carried) (posix.FD, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return -1, fmt.Errorf("encode the policies: %w", err)
	}
	fd, err := core.MemfdCreate("bulkhead-policies", unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("create a file in memory for the policies: %w", err)
	}
	for off := 0; off < len(text); {
		n, err := core.Write(fd, text[off:])
		if err != nil {
			return -1, errors.Join(fmt.Errorf("write the policies to memory: %w", err), core.Close(fd))
		}
		off += n
	}
	if _, err := core.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		return -1, errors.Join(fmt.Errorf("seal the policies: %w", err), core.Close(fd))
	}
	return fd, nil
}

// receive reads what handOver wrote, and closes the descriptor. Only a sealed file is believed: anybody can start this program with
// arguments that say it was handed something.
func receive(core posix.Core, fd posix.FD) (c carried, err error) {
	defer func() {
		if err != nil {
			c, err = carried{}, Exit(StatusSupervisor, fmt.Errorf("take the policies over: %w", err))
		}
	}()
	seals, err := core.Fcntl(fd, unix.F_GET_SEALS, 0)
	if err != nil {
		return c, err
	}
	if seals&unix.F_SEAL_WRITE == 0 {
		return c, errors.New("they are not sealed")
	}
	var text []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := core.Pread(fd, buf, int64(len(text)))
		if err != nil {
			return c, err
		}
		if n == 0 {
			break
		}
		text = append(text, buf[:n]...)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	if len(c.Sources) == 0 {
		return c, io.ErrUnexpectedEOF
	}
	return c, core.Close(fd)
}
