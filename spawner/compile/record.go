package compile

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/source"
)

// Record is what a plan was made of, beside the request and the program: the compile process knows nothing else, so the same program
// with the same request and the same answers makes the same plan.
type Record struct {
	// Exchanges are all questions with their answers, in order. They are nil, and Truncated is set, when they were more than
	// [MaxRecord] bytes.
	Exchanges []Exchange
	Truncated bool
	// Plan is the plan as it was received, for [wire.DecodePlan].
	Plan []byte

	size int
}

// Exchange is a question of the compile process about this host and the answer to it, both as they were sent.
type Exchange struct {
	Question, Answer []byte
}

// MaxRecord is how much of questions and answers is recorded, in bytes.
const MaxRecord = 4 << 20

func (r *Record) add(question, answer []byte) {
	if r.size += len(question) + len(answer); r.Truncated || r.size > MaxRecord {
		r.Exchanges, r.Truncated = nil, true
		return
	}
	r.Exchanges = append(r.Exchanges, Exchange{question, answer})
}

// Answer answers a recorded question from this host as it is now, with what includes files for the request. It can block, as long as a file
// system does.
func Answer(files posix.Files, include func(path string) (source.File, error), question []byte) ([]byte, error) {
	q, err := decodeQuestion(question)
	if err != nil {
		return nil, fmt.Errorf("read a question: %w", err)
	}
	return lookup{files: files, include: include}.answer(q).encode(), nil
}
