package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

// handOverSources puts policies into a sealed file in memory that stays open over an exec. The caller owns the descriptor.
func handOverSources(core posix.Core, sources []compile.Source) (posix.FD, error) {
	text, err := json.Marshal(sources)
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

// receiveSources reads what handOverSources wrote, and closes the descriptor. Only a sealed file is believed: anybody can
// start this program with arguments that say it was handed something.
func receiveSources(core posix.Core, fd posix.FD) (sources []compile.Source, err error) {
	defer func() {
		if err != nil {
			err = &exitError{statusSupervisor, fmt.Errorf("take the policies over: %w", err)}
		}
	}()
	seals, err := core.Fcntl(fd, unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, err
	}
	if seals&unix.F_SEAL_WRITE == 0 {
		return nil, errors.New("they are not sealed")
	}
	var text []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := core.Pread(fd, buf, int64(len(text)))
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		text = append(text, buf[:n]...)
	}
	if err := json.Unmarshal(text, &sources); err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return sources, core.Close(fd)
}
