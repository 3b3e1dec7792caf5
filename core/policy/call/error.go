package call

import "fmt"

// Error is what is wrong with a text, and where.
type Error struct {
	Offset, Width int // in bytes; what is meant begins at Offset and is Width long, at least 1
	Message       string
	Hint          string // such as `did you mean "write"?`; may be empty
}

// Error returns the message with its place, counted from 1, and the hint.
func (e *Error) Error() string {
	text := fmt.Sprintf("at %d: %s", e.Offset+1, e.Message)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func wrong(offset, width int, format string, args ...any) *Error {
	return &Error{Offset: offset, Width: max(1, width), Message: fmt.Sprintf(format, args...)}
}

func didYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", suggestion)
}
