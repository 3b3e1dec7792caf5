package policy

import (
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Bounds of a policy file. They keep the time and the memory of the YAML parser small whatever the file contains:
// its scanner and its parser need quadratic time for some inputs, and each key of a map costs it a stack frame.
const (
	maxText       = 1 << 20 // bytes
	maxLine       = 4096    // characters in a line
	maxBlankLines = 100     // empty lines in a row
	maxLess       = 64      // signs < in a row: the scanner looks for a merge key at each of them
	maxTokens     = 40_000
	maxKey        = 128     // characters in a key
	maxDepth      = 64      // maps and lists in each other
	maxDepthSum   = 400_000 // depths of all tokens added up
)

// source is a file's text, split into lines. Lines end in \n or \r\n; a byte order mark is not part of it.
type source struct {
	file   string
	lines  []string
	dir    string             // where relative paths start from, empty when that is not known
	others map[string]*source // all files that were read, by name
}

// span is a part of one line.
type span struct {
	pos   Pos
	width int
}

// readSource checks that the text is one that may be given to the YAML parser. It returns false when it is not.
func readSource(file string, text []byte, d *decoder) (string, bool) {
	d.src = d.newSource(file)
	if len(text) > maxText {
		d.report(codeTooLarge, d.src.span(1, 1, 1), "the file has %d bytes; a policy has at most %d", len(text), maxText)
		return "", false
	}
	d.src.lines = sourceLines(text)
	if name := wideEncoding(text); name != "" {
		d.src.lines = []string{""} // there is nothing to show
		d.report(codeNotText, d.src.span(1, 1, 1), "the file is %s; a policy is UTF-8", name).help("save it as UTF-8")
		return "", false
	}
	before := len(d.diags)
	usable := true
	blank, content := 0, false
	for i, line := range d.src.lines {
		if strings.Trim(line, " ") == "" {
			blank++
			continue
		}
		if blank > maxBlankLines {
			d.report(codeTooMuch, d.src.span(i, 1, 1), "more than %d empty lines in a row", maxBlankLines)
			usable = false
		}
		blank, content = 0, true
		lineOK, badText := d.checkLine(i+1, line)
		if badText {
			return "", false
		}
		usable = usable && lineOK
	}
	if !content {
		d.report(codeEmpty, d.src.span(1, 1, 1), "the file is empty").help("a policy starts with version: 1")
		return "", false
	}
	if !usable {
		return "", false
	}
	lines := d.src.lines[:len(d.src.lines)-blank]
	joined := strings.Join(lines, "\n") + "\n"
	if len(d.diags) > before { // only tabs between words: the rest of the file is checked with spaces instead
		joined = strings.ReplaceAll(joined, "\t", " ")
	}
	return joined, true
}

// checkLine reports what a line may not contain. The file is not usable when a line is too long or its indentation
// is unclear; it is not text at all when badText is returned.
func (d *decoder) checkLine(number int, line string) (usable, badText bool) {
	usable = true
	col, indent, tab := 0, true, false
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRuneInString(line[i:])
		col++
		switch {
		case r == utf8.RuneError && size == 1:
			d.report(codeNotText, d.src.span(number, col, 1), "byte 0x%02x is not UTF-8 text", line[i])
			return false, true
		case r == '\t' && !tab:
			tab = true
			if indent {
				usable = false
				d.report(codeTab, d.src.span(number, col, 1), "a tab in the indentation").help("indent with spaces")
			} else {
				d.report(codeTab, d.src.span(number, col, 1), "a tab between words").
					help("write a space; in a string in double quotes write \\t")
			}
		case r == '\t':
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff:
			g := d.report(codeNotText, d.src.span(number, col, 1), "character U+%04X does not belong in a policy", r)
			switch r {
			case '\r':
				g.help("lines end with a line feed, or with a carriage return and a line feed")
			case 0:
				g.help("is it a policy? save it as UTF-8")
			default:
				g.help("remove it")
			}
			return false, true
		case hidden(r):
			d.report(codeNotText, d.src.span(number, col, 1), "character U+%04X does not show, and lets the text around it look like another", r).help("remove it")
			return false, true
		case r != ' ':
			indent = false
		}
		i += size
	}
	if at := strings.Index(line, strings.Repeat("<", maxLess+1)); at >= 0 {
		d.report(codeTooMuch, d.src.span(number, utf8.RuneCountInString(line[:at])+1, maxLess+1), "more than %d signs < in a row", maxLess)
		usable = false
	}
	if col > maxLine {
		d.report(codeTooMuch, d.src.span(number, maxLine+1, 1), "the line has %d characters; at most %d are read", col, maxLine).
			help("write a list on several lines; a path has at most 4095 bytes")
		usable = false
	}
	return usable, false
}

// hidden tells of characters that turn the direction of text, break lines or have no width: what a person reads would not be what is meant.
// Source: Unicode Standard Annex #9, and Boucher and Anderson, "Trojan Source" (2021).
func hidden(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c || // direction
		r == 0x2028 || r == 0x2029 || // ends of lines
		r == 0x200b || r == 0x2060 || r >= 0xe0000 && r <= 0xe007f // no width
}

// wideEncoding tells what a text is encoded in when it is one that is not read.
func wideEncoding(text []byte) string {
	at := func(i int) byte {
		if i < len(text) {
			return text[i]
		}
		return 1
	}
	switch {
	case at(0) == 0xff && at(1) == 0xfe && at(2) == 0 && at(3) == 0, at(0) == 0 && at(1) == 0 && at(2) == 0xfe && at(3) == 0xff:
		return "UTF-32"
	case at(0) == 0xff && at(1) == 0xfe, at(0) == 0xfe && at(1) == 0xff, at(0) == 0 && at(1) > 1 && at(2) == 0, at(0) > 1 && at(1) == 0 && at(3) == 0:
		return "UTF-16"
	}
	return ""
}

// span returns a part of a line, moved inside the file where it is not.
func (s *source) span(line, col, width int) span {
	line = min(max(line, 1), len(s.lines))
	length := utf8.RuneCountInString(s.lines[line-1])
	col = min(max(col, 1), length+1)
	width = max(1, min(width, length+1-col))
	return span{Pos{s.file, line, col}, width}
}

// of returns the source of a file.
func (s *source) of(file string) *source {
	if other := s.others[file]; other != nil {
		return other
	}
	return s
}

// newSource is a file whose text follows.
func (d *decoder) newSource(file string) *source {
	s := &source{file: file, lines: []string{""}, dir: d.opt.Dir, others: map[string]*source{}}
	if d.src != nil {
		s.others = d.src.others
	}
	s.others[file] = s
	return s
}

// includeDir is where the names of included files start from: as relative as the file's own name when there is no directory.
func (s *source) includeDir() string {
	if s.dir != "" {
		return s.dir
	}
	return filepath.Dir(s.file)
}

// at returns a part of a line of any file.
func (s *source) at(p Pos, width int) span { return s.of(p.File).span(p.Line, p.Col, width) }

// rest returns the text of a line from a place on.
func (s *source) rest(p Pos) string {
	s = s.of(p.File)
	if p.Line < 1 || p.Line > len(s.lines) {
		return ""
	}
	line := s.lines[p.Line-1]
	col := 1
	for i := range line {
		if col == p.Col {
			return line[i:]
		}
		col++
	}
	return ""
}

// within returns where a part stands in the written form of a value, or the whole value when it does not stand there.
func (s *source) within(whole span, part string) span {
	text := s.rest(whole.pos)
	end := len(text)
	for i, n := 0, 0; i < len(text); n++ {
		if n == whole.width {
			end = i
			break
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	at := strings.Index(text[:end], part)
	if at < 0 || part == "" {
		return whole
	}
	before := utf8.RuneCountInString(text[:at])
	return span{Pos{whole.pos.File, whole.pos.Line, whole.pos.Col + before}, utf8.RuneCountInString(part)}
}
