package plancache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Guess is the plan that a command had the last time, before anybody has made sure that it still is the one that would be made. Nothing of a
// module may run because of it. [Cache.Current] says whether it is right.
type Guess struct {
	Plan  wire.Plan
	entry Entry
}

// errGuess is a guess that was wrong.
var errGuess = errors.New("it was made for another request")

// markPrefix begins the names of marks: files that hold the key of the plan that some words led to the last time.
const markPrefix = "last-"

// mark returns the name of the mark of some words: each program has its own, because its plans are another one's never.
func (c *Cache) mark(k Kernel, words []string) (string, error) {
	p, err := c.program(k)
	if err != nil {
		return "", err
	}
	e := &wire.Encoder{}
	p.encode(e)
	for _, w := range words {
		e.String(w)
	}
	sum := sha256.Sum256(e.Bytes())
	return markPrefix + hex.EncodeToString(sum[:]), nil
}

// Guess returns the plan that was remembered for some words, or nil. The words decide how good the guess is and nothing else.
func (c *Cache) Guess(k Kernel, words []string) *Guess {
	if c.Dir == "" {
		return nil
	}
	mark, err := c.mark(k, words)
	if err != nil {
		return nil // the reason is said by Compile, which finds the same
	}
	d, err := openDir(k, c.Dir)
	if err != nil {
		return nil
	}
	defer func() { _ = k.Close(d) }()
	text, err := readFile(k, d, mark)
	if err != nil {
		return nil
	}
	var key Key
	if n, err := hex.Decode(key[:], text[:min(len(text), 2*len(key))]); err != nil || n != len(key) {
		return nil
	}
	g := &Guess{}
	if g.entry, err = loadFrom(k, d, key); err != nil {
		return nil
	}
	if g.Plan, err = decode(g.entry); err != nil {
		return nil
	}
	return g
}

// Current is an error unless the plan of a guess is what Compile would return for a request now: the key is that of the request, and every
// answer about the host is the same.
func (c *Cache) Current(k Kernel, g *Guess, req compile.Request) error {
	key, err := c.key(k, req)
	if err != nil {
		return err
	}
	if key != g.entry.Key {
		return errGuess
	}
	same := make(chan error, 1)
	go func() { same <- ask(k, req.Include, g.entry) }() // as in find: a file system may hang
	timeout := c.timeout()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case err := <-same:
		if err == nil {
			c.debug("plan taken from the cache", slog.String("entry", key.String()), slog.Bool("guessed", true))
		}
		return err
	case <-timer.C:
		return fmt.Errorf("%w: %s", errSlow, timeout)
	}
}

// Remember has Guess return the plan of an entry for some words from now on.
func (c *Cache) Remember(k Kernel, words []string, key Key) error {
	if c.Dir == "" || key == (Key{}) {
		return errOff
	}
	mark, err := c.mark(k, words)
	if err != nil {
		return err
	}
	return put(k, c.Dir, mark, []byte(key.String()))
}
