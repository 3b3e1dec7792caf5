package cgroup

// SweepNamed is [Root.Sweep] for supervisors whose top directories had another name.
func (r *Root) SweepNamed(name string) (Swept, error) {
	other := &Root{kernel: r.kernel, name: name, places: r.places}
	return other.Sweep()
}
