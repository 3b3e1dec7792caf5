package policy

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDuration is the longest duration that a policy may name.
const maxDuration = 24 * time.Hour

// number reads a decimal number from low to high.
func (d *decoder) number(n *node, what string, low, high int64) Value[int] {
	v, ok := d.integer(n, what, low, high)
	if !ok {
		return Value[int]{}
	}
	return Value[int]{int(v), n.pos}
}

// integer reads a decimal number from low to high.
func (d *decoder) integer(n *node, what string, low, high int64) (int64, bool) {
	if n.kind != kindScalar || n.quoted && digits(n.text) {
		g := d.wrongType(n, "a number")
		if n.kind == kindScalar {
			g.help("remove the quotes")
		}
		return 0, false
	}
	if n.quoted || n.plainKind() != plainNumber && !strings.Contains(n.text, "$") {
		d.wrongType(n, "a number")
		return 0, false
	}
	s, ok := d.scalar(n)
	if !ok {
		return 0, false
	}
	if !digits(strings.TrimPrefix(s, "-")) || len(s) > 1 && s[0] == '0' {
		g := d.report(codeMalformed, n.span, "%s must be a decimal number, not %q", what, s)
		if f, err := strconv.ParseFloat(s, 64); err == nil && f == math.Trunc(f) && f >= float64(low) && f <= float64(high) {
			g.hint(didYouMean(strconv.FormatFloat(f, 'f', 0, 64)))
		} else if v, err := strconv.ParseInt(s, 0, 64); err == nil && v >= low && v <= high {
			g.hint(didYouMean(strconv.FormatInt(v, 10)))
		} else {
			g.help("it is from %d to %d", low, high)
		}
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < low || v > high {
		d.report(codeRange, n.span, "%s is %s; it must be from %d to %d", what, s, low, high)
		return 0, false
	}
	return v, true
}

// boolean reads true or false.
func (d *decoder) boolean(n *node) bool {
	if n.kind == kindScalar && n.plainKind() == plainBool {
		return strings.EqualFold(n.text, "true")
	}
	d.wrongType(n, "true or false")
	return false
}

// duration reads a time such as 200ms or 1m30s.
func (d *decoder) duration(n *node, what string) Value[time.Duration] {
	v, ok := d.elapsed(n, what)
	if !ok {
		return Value[time.Duration]{}
	}
	return Value[time.Duration]{v, n.pos}
}

// elapsed reads a time up to 24 hours; it must have a unit, even when it is 0.
func (d *decoder) elapsed(n *node, what string) (time.Duration, bool) {
	s, ok := d.word(n, "a duration such as 10s")
	if !ok {
		return 0, false
	}
	if looksNumeric(s) {
		d.report(codeUnit, n.span, "%s has no unit", what).
			hint("did you mean \"" + s + "s\" or \"" + s + "ms\"?").help("units are ms, s, m and h")
		return 0, false
	}
	v, err := time.ParseDuration(s)
	if err != nil && longDuration(s) {
		d.report(codeRange, n.span, "%s is %s; the longest is 24h", what, s)
		return 0, false
	}
	if err != nil || s[0] == '+' || s[0] == '-' || s[0] == '.' {
		d.report(codeMalformed, n.span, "%s cannot be read: %q", what, s).hint(didYouMean(meantDuration(s))).
			help("a duration is written like 200ms, 10s or 1m30s")
		return 0, false
	}
	if v > maxDuration {
		d.report(codeRange, n.span, "%s is %s; the longest is 24h", what, s)
		return 0, false
	}
	return v, true
}

// longDuration tells of a number with a unit, of which there are too many to count.
func longDuration(s string) bool {
	number := strings.TrimRight(s, "hms")
	unit := s[len(number):]
	return digits(number) && (unit == "h" || unit == "m" || unit == "s" || unit == "ms")
}

// sizeUnits are the units of sizes, as systemd and Docker have them: powers of 1024.
const sizeUnits = "KMGT"

// size reads a number of bytes such as 256M. A plain 0 needs no unit.
func (d *decoder) size(n *node, what string) (int64, bool) {
	s, ok := d.word(n, "a size such as 256M")
	if !ok {
		return 0, false
	}
	return d.sizeOf(s, n, what)
}

func (d *decoder) sizeOf(s string, n *node, what string) (int64, bool) {
	if s == "0" {
		return 0, true
	}
	if rest, negative := strings.CutPrefix(strings.TrimSpace(s), "-"); negative && rest != "" && digits(rest[:1]) {
		d.report(codeRange, n.span, "%s is negative: %s", what, strings.TrimSpace(s)).help("write a size such as 256M")
		return 0, false
	}
	if looksNumeric(s) {
		d.report(codeUnit, n.span, "%s has no unit", what).help("units are K, M, G and T; 256M is 256 times 1048576 bytes")
		return 0, false
	}
	count, unit, ok := splitSize(s)
	if !ok {
		g := d.report(codeMalformed, n.span, "%s cannot be read: %q", what, s).help("a size is a number and one of K, M, G, T, such as 256M")
		switch fixed := fixedSize(s); fixed {
		case "":
		case s:
			g.Code, g.Message, g.Help = codeRange, oneLine("%s is more than can be counted: %s", what, s), ""
		default:
			g.hint(didYouMean(fixed))
		}
		return 0, false
	}
	shift := 10 * (unit + 1)
	if count > math.MaxInt64>>shift {
		d.report(codeRange, n.span, "%s is more than can be counted: %s", what, s)
		return 0, false
	}
	return count << shift, true
}

// splitSize splits 256M into its number and the place of its unit in sizeUnits.
func splitSize(s string) (count int64, unit int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	number := s[:len(s)-1]
	unit = strings.IndexByte(sizeUnits, s[len(s)-1])
	count, err := strconv.ParseInt(number, 10, 64)
	return count, unit, unit >= 0 && err == nil && digits(number)
}

// fixedSize returns what somebody meant who wrote 256m, 256MB or 256MiB.
func fixedSize(s string) string {
	upper := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	upper = strings.TrimSuffix(strings.TrimSuffix(upper, "IB"), "B")
	if len(upper) > 1 && digits(upper[:len(upper)-1]) && strings.Contains(sizeUnits, upper[len(upper)-1:]) {
		return upper
	}
	return ""
}

// parseID reads the number of a user or group.
func parseID(s string) (uint64, error) { return strconv.ParseUint(s, 10, 32) }
