package workbench

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/bulkhead/bulkhead/core/policy/starter"
)

// fresh prints a policy to start from. The input is the command, as JSON.
func (t *task) fresh() error {
	var c Command
	if err := json.Unmarshal([]byte(t.option("command")), &c); err != nil {
		return fmt.Errorf("read the command: %w", err)
	}
	facts, err := starter.Gather(c.Path, c.Args, &parts{task: t, kept: map[string]part{}})
	if err != nil {
		return err
	}
	text, err := starter.Policy(facts)
	if err != nil {
		return err
	}
	t.out.Write(text)
	return nil
}

// Command is what a policy is to be made for.
type Command struct {
	Path string // absolute
	Args []string
}

// parts reads files of the host by parts, through the parent.
type parts struct {
	*task
	kept map[string]part // the part that was read last, of each file
}

type part struct {
	offset int64
	text   []byte
}

// partSize is how much is read at once: the headers of an ELF file, mostly.
const partSize = 64 << 10

// Target implements [starter.Files].
func (p *parts) Target(path string) string {
	a, err := p.question(question{Path: path, Link: true})
	if err != nil {
		return path
	}
	return string(a.Text)
}

// ReadAt implements [starter.Files].
func (p *parts) ReadAt(path string, buf []byte, off int64) (n int, err error) {
	for n < len(buf) {
		at := off + int64(n)
		have, known := p.kept[path]
		if begin := at - have.offset; !known || begin < 0 || begin >= int64(len(have.text)) {
			a, err := p.question(question{Path: path, Offset: at &^ (partSize - 1), Length: max(partSize, min(len(buf)-n, MaxInput))})
			if err != nil {
				return n, err
			}
			have = part{at &^ (partSize - 1), a.Text}
			p.kept[path] = have
		}
		begin := at - have.offset
		if begin >= int64(len(have.text)) {
			return n, io.EOF
		}
		n += copy(buf[n:], have.text[begin:])
	}
	return n, nil
}
