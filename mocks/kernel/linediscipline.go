package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// room tells whether another character can be typed.
func (t *pty) room() bool {
	n := len(t.edit)
	for i := range t.lines {
		n += len(t.lines[i].data)
	}
	return n < ptyInput && len(t.out) < ptyOutput
}

// input is a character from the master. Source: n_tty_receive_char.
func (t *pty) input(c byte) {
	if t.t.Iflag&unix.ISTRIP != 0 {
		c &= 0x7f
	}
	if t.literal {
		t.literal = false
		t.typed(c)
		return
	}
	if t.flow(c) || t.local(unix.ISIG) && t.signal(c) {
		return
	}
	switch {
	case c == '\r' && t.t.Iflag&unix.IGNCR != 0:
		return
	case c == '\r' && t.t.Iflag&unix.ICRNL != 0:
		c = '\n'
	case c == '\n' && t.t.Iflag&unix.INLCR != 0:
		c = '\r'
	}
	if t.local(unix.ICANON) && t.editing(c) {
		return
	}
	t.typed(c)
}

// is tells whether a character has a special meaning; 0 means that nothing has it.
func (t *pty) is(c byte, which int) bool { return c != 0 && t.t.Cc[which] == c }

// flow is software flow control.
func (t *pty) flow(c byte) bool {
	if t.t.Iflag&unix.IXON == 0 {
		return false
	}
	switch {
	case t.is(c, unix.VSTART):
		t.stopped = false
		t.slaveq.notify(writeSpace)
		return true
	case t.is(c, unix.VSTOP):
		t.stopped = true
		return true
	}
	if t.stopped && t.t.Iflag&unix.IXANY != 0 {
		t.stopped = false
		t.slaveq.notify(writeSpace)
	}
	return false
}

// signal sends the signal that a character stands for to the foreground.
func (t *pty) signal(c byte) bool {
	var sig posix.Signal
	switch {
	case t.is(c, unix.VINTR):
		sig = unix.SIGINT
	case t.is(c, unix.VQUIT):
		sig = unix.SIGQUIT
	case t.is(c, unix.VSUSP):
		sig = unix.SIGTSTP
	default:
		return false
	}
	if !t.local(unix.NOFLSH) {
		t.lines, t.edit, t.out = nil, t.edit[:0], t.out[:0]
	}
	t.stopped = false
	t.k.sendGroup(t.group, sig)
	t.echo(c)
	return true
}

// editing carries out what changes or ends the line that is being typed.
func (t *pty) editing(c byte) bool {
	extended := t.local(unix.IEXTEN)
	switch {
	case t.is(c, unix.VERASE):
		t.erase(1)
	case t.is(c, unix.VKILL):
		if !t.local(unix.ECHOKE) || !t.local(unix.ECHOE) {
			t.edit = t.edit[:0]
			t.echo(c)
			if t.local(unix.ECHOK) && t.local(unix.ECHO) {
				t.output('\n')
			}
			break
		}
		t.erase(len(t.edit))
	case extended && t.is(c, unix.VWERASE):
		t.erase(t.lastWord())
	case extended && t.is(c, unix.VLNEXT):
		t.literal = true
		if t.local(unix.ECHO) && t.local(unix.ECHOCTL) {
			t.put("^\b")
		}
	case extended && t.is(c, unix.VREPRINT) && t.local(unix.ECHO):
		t.echo(c)
		t.output('\n')
		for _, c := range t.edit {
			t.echo(c)
		}
	case c == '\n':
		if t.local(unix.ECHO) || t.local(unix.ECHONL) {
			t.output('\n')
			t.masterq.notify(readMask)
		}
		t.complete(c)
	case t.is(c, unix.VEOF):
		t.complete()
	case t.is(c, unix.VEOL), extended && t.is(c, unix.VEOL2):
		t.echo(c)
		t.complete(c)
	default:
		return false
	}
	return true
}

// complete hands the line over to whoever reads.
func (t *pty) complete(end ...byte) {
	t.lines = append(t.lines, ptyLine{data: append(append([]byte(nil), t.edit...), end...), end: true})
	t.edit = t.edit[:0]
	t.slaveq.notify(readMask)
}

// typed adds a character that means itself.
func (t *pty) typed(c byte) {
	if t.local(unix.ICANON) {
		t.echo(c)
		if len(t.edit) < ptyLength {
			t.edit = append(t.edit, c)
		}
		return
	}
	t.echo(c)
	if len(t.lines) == 0 {
		t.lines = append(t.lines, ptyLine{})
	}
	last := &t.lines[len(t.lines)-1]
	last.data = append(last.data, c)
	t.slaveq.notify(readMask)
}

// echo shows a character as it was typed.
func (t *pty) echo(c byte) {
	switch {
	case !t.local(unix.ECHO):
		return
	case t.local(unix.ECHOCTL) && control(c) && c != '\t' && c != '\n':
		t.put(string([]byte{'^', c ^ 0x40}))
	default:
		t.output(c)
	}
	t.masterq.notify(readMask)
}

func control(c byte) bool { return c < ' ' || c == 127 }

// erase takes characters off the line, and off the screen.
func (t *pty) erase(n int) {
	for ; n > 0 && len(t.edit) > 0; n-- {
		c := t.edit[len(t.edit)-1]
		t.edit = t.edit[:len(t.edit)-1]
		switch {
		case !t.local(unix.ECHO):
		case !t.local(unix.ECHOE):
			t.echo(t.t.Cc[unix.VERASE])
		case control(c) && t.local(unix.ECHOCTL):
			t.put("\b \b\b \b")
		case !control(c):
			t.put("\b \b")
		}
	}
}

// lastWord is how many characters from the end VWERASE takes.
func (t *pty) lastWord() int {
	n, inWord := 0, false
	for n < len(t.edit) {
		c := t.edit[len(t.edit)-1-n]
		word := c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if inWord && !word {
			break
		}
		inWord = inWord || word
		n++
	}
	return n
}

// put sends bytes to the master as they are.
func (t *pty) put(s string) {
	t.out = append(t.out, s...)
	t.masterq.notify(readMask)
}

// output is a character to the master, as the output settings change it. Source: do_output_char.
func (t *pty) output(c byte) {
	if t.t.Oflag&unix.OPOST != 0 {
		switch {
		case c == '\n' && t.t.Oflag&unix.ONLCR != 0:
			t.out = append(t.out, '\r')
		case c == '\r' && t.t.Oflag&unix.OCRNL != 0:
			c = '\n'
		case c >= 'a' && c <= 'z' && t.t.Oflag&unix.OLCUC != 0:
			c -= 'a' - 'A'
		}
	}
	t.out = append(t.out, c)
}

// set changes the settings. What has been typed can be read when canonical mode begins or ends.
func (t *pty) set(to posix.Termios) {
	before := t.t.Lflag
	t.t = to
	if (before^to.Lflag)&unix.ICANON == 0 {
		return
	}
	var all []byte
	for _, line := range t.lines {
		all = append(all, line.data...)
	}
	all = append(all, t.edit...)
	t.lines, t.edit = nil, t.edit[:0]
	if len(all) > 0 {
		t.lines = []ptyLine{{data: all, end: to.Lflag&unix.ICANON != 0}}
		t.slaveq.notify(readMask)
	}
}

// sendGroup sends a signal of a terminal to a process group; 0 is nobody.
func (k *Kernel) sendGroup(group posix.PID, sig posix.Signal) {
	if group == 0 {
		return
	}
	for _, p := range k.procs.all() {
		if p.group == group {
			k.send(p, posix.SignalInfo{Signal: sig, Code: siKernel}, true)
		}
	}
}
