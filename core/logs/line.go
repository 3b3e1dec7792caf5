package logs

import "bytes"

// maxLine is where a line that does not end is broken, in bytes.
const maxLine = 16 << 10

// cut takes the first line off data. used is how many bytes of data it takes with its end; 0 means that the line is not complete.
func cut(data []byte) (line []byte, used int) {
	n := bytes.IndexByte(data[:min(len(data), maxLine+1)], '\n')
	switch {
	case n >= 0:
		return bytes.TrimSuffix(data[:n], []byte("\r")), n + 1
	case len(data) > maxLine:
		return data[:maxLine], maxLine
	}
	return nil, 0
}
