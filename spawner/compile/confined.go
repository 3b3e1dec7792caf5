package compile

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// ConfinedTimeout is how long a process of [Confined] may take, the answers included.
const ConfinedTimeout = time.Minute

// Confined runs a role of our own program, confined as the compile process is: it can reach nothing but its parent and the standard
// error. It gets the request, may ask questions, which answer answers one at a time in another goroutine, and says one thing in the
// end, which is returned. It is for what reads input that nobody has to trust. The other end is [Attend].
func Confined(k Parent, l *launch.Launcher, f host.Facts, role string, request []byte, answer func(question []byte) []byte) ([]byte, error) {
	var reply []byte
	err := tool{executable, ConfinedTimeout}.exchange(k, l, f, role, new(atomic.Pointer[string]), func(c channel) (err error) {
		reply, err = converse(c, request, func(q []byte) ([]byte, error) { return answer(q), nil })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("work on the input: %w", err)
	}
	return reply, nil
}

// Attend is the confined process of [Confined]: it takes the request from [Channel], computes, and sends the result.
// compute can ask its parent; it is not called from more than one goroutine.
func Attend(k posix.Files, compute func(request []byte, ask func(question []byte) ([]byte, error)) []byte) error {
	c := channel{k, Channel}
	_, request, err := c.receive()
	if err != nil {
		return fmt.Errorf("receive the request: %w", err)
	}
	reply := compute(request, func(question []byte) ([]byte, error) {
		err := c.send(frameQuestion, question)
		if err != nil {
			return nil, fmt.Errorf("ask the parent: %w", err)
		}
		_, body, err := c.receive()
		return body, err
	})
	if err := c.send(framePlan, reply); err != nil {
		return fmt.Errorf("send the result: %w", err)
	}
	return nil
}
