package compile

import (
	"maps"
	"slices"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// coder writes values to a message, or reads them from one: every message has one list of its fields for both. Exactly one of
// the two is set.
type coder struct {
	e *wire.Encoder
	d *wire.Decoder
}

// Most elements of the lists in a message.
const (
	maxSources = 10_000
	maxStrings = 100_000
	maxGroups  = 65_536 // NGROUPS_MAX, see getgroups(2)
)

type integer interface {
	~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

func number[T integer](c coder, v *T) {
	if c.e != nil {
		c.e.U64(uint64(*v))
	} else {
		*v = T(c.d.U64())
	}
}

func (c coder) truth(v *bool) {
	if c.e != nil {
		c.e.Bool(*v)
	} else {
		*v = c.d.Bool()
	}
}

func (c coder) text(v *string) {
	if c.e != nil {
		c.e.String(*v)
	} else {
		*v = c.d.String()
	}
}

func (c coder) data(v *[]byte) {
	if c.e != nil {
		c.e.Data(*v)
	} else if *v = c.d.Data(); len(*v) == 0 {
		*v = nil
	}
}

func list[T any](c coder, v *[]T, most int, one func(coder, *T)) {
	if c.e != nil {
		wire.Each(c.e, *v, func(_ *wire.Encoder, t T) { one(c, &t) })
		return
	}
	*v = wire.List(c.d, most, func(*wire.Decoder) (t T) {
		one(c, &t)
		return t
	})
}

func (c coder) texts(v *[]string) { list(c, v, maxStrings, coder.text) }

// table writes a map in the order of its keys, so that equal maps are equal bytes.
func (c coder) table(v *map[string]string) {
	var pairs [][2]string
	if c.e != nil {
		for _, k := range slices.Sorted(maps.Keys(*v)) {
			pairs = append(pairs, [2]string{k, (*v)[k]})
		}
	}
	list(c, &pairs, maxStrings, func(c coder, p *[2]string) {
		c.text(&p[0])
		c.text(&p[1])
	})
	if c.e == nil && len(pairs) > 0 {
		*v = make(map[string]string, len(pairs))
		for _, p := range pairs {
			(*v)[p[0]] = p[1]
		}
	}
}

// EncodeRequest returns a request as it is sent to the compile process: all that the process is told before it asks. Requests that
// encode alike are alike.
func EncodeRequest(req Request) []byte {
	e := &wire.Encoder{}
	coder{e: e}.request(&req)
	return e.Bytes()
}

func decodeRequest(message []byte) (req Request, err error) {
	d := wire.NewDecoder(message)
	coder{d: d}.request(&req)
	return req, d.Done()
}

func (c coder) request(r *Request) {
	list(c, &r.Sources, maxSources, func(c coder, s *Source) {
		c.text(&s.Name)
		c.text(&s.Dir)
		c.data(&s.Text)
	})
	c.table(&r.Variables)
	c.facts(&r.Facts)
	c.text(&r.Module)
	c.truth(&r.Exec)
	c.texts(&r.Command)
	c.texts(&r.Environment)
	c.truth(&r.Terminal)
	list(c, &r.Descriptors, maxStrings, func(c coder, fd *int) { number(c, fd) })
	c.data(&r.Override)
	c.truth(&r.Trial)
	c.truth(&r.CheckOnly)
}

func (c coder) facts(f *host.Facts) {
	c.text(&f.Release)
	number(c, &f.Kernel.Major)
	number(c, &f.Kernel.Minor)
	c.text(&f.Machine)
	number(c, &f.UID)
	number(c, &f.EUID)
	number(c, &f.GID)
	number(c, &f.EGID)
	c.truth(&f.SetgroupsDenied)
	number(c, &f.OverflowUID)
	number(c, &f.OverflowGID)
	number(c, &f.Capabilities.Effective)
	number(c, &f.Capabilities.Permitted)
	number(c, &f.Capabilities.Bounding)
	number(c, &f.Capabilities.Last)
	number(c, &f.SigIgn)
	number(c, &f.SeccompMode)
	c.truth(&f.NoNewPrivs)
	number(c, &f.Seccomp)
	number(c, &f.Landlock.ABI)
	number(c, &f.Landlock.Errno)
	c.truth(&f.UserNS.Initial)
	c.text(&f.UserNS.UIDMap)
	c.text(&f.UserNS.GIDMap)
	c.text(&f.SubIDs.User)
	for _, r := range []*host.IDRange{&f.SubIDs.UIDs, &f.SubIDs.GIDs} {
		number(c, &r.First)
		number(c, &r.Count)
	}
	c.text(&f.SubIDs.UIDMapper)
	c.text(&f.SubIDs.GIDMapper)
	c.text(&f.SubIDs.Failed)
	number(c, &f.UserNS.Max)
	number(c, &f.UserNS.UnprivilegedClone)
	number(c, &f.UserNS.AppArmorRestricts)
	number(c, &f.UserNS.Errno)
	c.truth(&f.UserNS.InsideFailed)
	number(c, &f.Namespaces)
	for _, h := range []*host.Hierarchy{&f.Cgroup.V2, &f.Cgroup.Memory, &f.Cgroup.Pids, &f.Cgroup.CPU, &f.Cgroup.Freezer, &f.Cgroup.CPUSet, &f.Cgroup.IO} {
		c.hierarchy(h)
	}
	c.weighing(&f.Weighing)
	c.truth(&f.Proc.Mounted)
	c.truth(&f.Proc.ReadOnly)
	c.text(&f.Proc.Masked)
	number(c, &f.MemfdNoexec)
	c.truth(&f.MountAPI)
	c.truth(&f.IntoCgroup)
	c.truth(&f.Pidfd)
	c.truth(&f.ForeignMounts)
	for i := range f.Refused {
		number(c, &f.Refused[i])
	}
	number(c, &f.Clone3)
	number(c, &f.Keyring)
	c.truth(&f.Tried)
}

func (c coder) hierarchy(h *host.Hierarchy) {
	number(c, &h.Version)
	c.text(&h.Mount)
	c.text(&h.Group)
	c.text(&h.Dir)
	number(c, &h.Controllers)
	c.truth(&h.ReadOnly)
	c.text(&h.Place)
	number(c, &h.Offers)
	number(c, &h.Errno)
}

func (q question) encode() []byte {
	e := &wire.Encoder{}
	e.U8(q.Kind)
	e.String(q.Name)
	return e.Bytes()
}

func decodeQuestion(message []byte) (question, error) {
	d := wire.NewDecoder(message)
	q := question{Kind: d.U8(), Name: d.String()}
	return q, d.Done()
}

func (a answer) encode() []byte {
	e := &wire.Encoder{}
	coder{e: e}.answer(&a)
	return e.Bytes()
}

func decodeAnswer(message []byte) (a answer, err error) {
	d := wire.NewDecoder(message)
	coder{d: d}.answer(&a)
	return a, d.Done()
}

func (c coder) answer(a *answer) {
	c.text(&a.Error)
	c.text(&a.Help)
	c.truth(&a.Found)
	number(c, &a.File.Kind)
	c.text(&a.File.Link)
	c.text(&a.File.Real)
	number(c, &a.File.Mode)
	number(c, &a.File.Errno)
	c.data(&a.Head)
	c.user(&a.User)
	number(c, &a.GID)
	c.data(&a.Text)
	c.text(&a.Dir)
	c.disk(&a.Disk)
	c.weighing(&a.Weighing)
}

func (c coder) weighing(w *host.Weighing) {
	c.text(&w.Disks)
	c.text(&w.Lacks)
	c.text(&w.Enable)
}

func (c coder) disk(d *host.Disk) {
	c.text(&d.Number)
	c.text(&d.Name)
	c.text(&d.Lacks)
	c.text(&d.Enable)
}

func (c coder) user(u *sandbox.User) {
	c.text(&u.Name)
	number(c, &u.UID)
	number(c, &u.GID)
	list(c, &u.Groups, maxGroups, func(c coder, g *posix.GID) { number(c, g) })
}
