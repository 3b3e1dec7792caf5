package policy

import (
	"strconv"
	"strings"
)

// kernel reads a requirement such as ">=6.1".
func (d *decoder) kernel(n *node) Value[KernelVersion] {
	if n.kind == kindScalar && n.plainKind() == plainNumber {
		d.report(codeKernel, n.span, "a kernel requirement starts with >=").hint(`write ">=` + n.text + `"`)
		return Value[KernelVersion]{}
	}
	s, ok := d.text(n, `a kernel version such as ">=6.1"`)
	if !ok {
		return Value[KernelVersion]{}
	}
	version, ok := strings.CutPrefix(s, ">=")
	major, minor, dot := strings.Cut(strings.TrimSpace(version), ".")
	a, errA := strconv.ParseUint(major, 10, 8)
	b, errB := strconv.ParseUint(minor, 10, 8)
	if !ok || !dot || errA != nil || errB != nil {
		d.report(codeKernel, n.span, "%q is not a kernel requirement", s).help(`write ">=6.1": the oldest kernel, as major and minor number`)
		return Value[KernelVersion]{}
	}
	return Value[KernelVersion]{KernelVersion{int(a), int(b)}, n.pos}
}
