package policy

import "golang.org/x/sys/unix"

// contradictions reports what the keys of a module say against each other.
func (d *decoder) contradictions(f fields, m *Module) {
	d.namespaceContradictions(f, m)
	d.attributeContradictions(f, m)
	if n := f.get("listener_protocol"); n != nil && m.ListenerProtocol.Set() && f.get("listeners") == nil {
		d.report(codeNoEffect, n.span, "listener_protocol has no effect: the module has no listeners").help("remove it")
	}
	if m.ListenerProtocol.V == "nginx" {
		for _, v := range m.Environment {
			if v.Name == "NGINX" {
				d.report(codeReservedEnv, d.src.at(v.Pos, len(v.Name)), "NGINX is set by the supervisor: listener_protocol is nginx").
					help("remove it")
			}
		}
	}
	if l := m.rlimit("nofile"); l != nil {
		if need := uint64(firstFD + len(m.Listeners) + 1); l.Soft < need {
			d.report(codeNofile, d.src.at(l.Pos, len(l.Name)),
				"nofile %d is too small: 3 standard streams, %d listeners and one more need %d", l.Soft, len(m.Listeners), need).
				help("write nofile: 1024 or more")
		}
	}
	d.updateOrder(m)
	d.ownSockets(m)
	d.probeReach(f, m)
	if m.Group.Set() && m.DynamicUser.V {
		d.report(codeNoEffect, f.get("group").span, "group has no effect: a dynamic user has a group of its own").help("remove it, or name a user")
	} else if m.Group.Set() && !m.User.Set() {
		d.report(codeNoEffect, f.get("group").span, "group has no effect without user").help("name a user as well")
	}
	d.groupContradictions(f, m)
}

// updateOrder refuses two instances at the same time of a module that binds its own addresses.
func (d *decoder) updateOrder(m *Module) {
	if m.UpdateOrder.Set() && m.UpdateOrder.V == "start-first" && !m.inherits() {
		d.report(codeStartFirst, d.src.at(m.UpdateOrder.Pos, len(m.UpdateOrder.V)),
			"start-first: module %q inherits no listener, so two instances of it would get into each other's way", m.Name).
			help("write stop-first, or hand it its sockets with `listeners`")
	}
}

func (d *decoder) namespaceContradictions(f fields, m *Module) {
	list := d.src.at(m.Pos, len(m.Name))
	if n := f.get("namespaces"); n != nil {
		if n.kind != kindList || len(n.items) != len(m.Namespaces) {
			return // one of them could not be read
		}
		list = n.span
	}
	_, network := m.has(unix.CLONE_NEWNET)
	mode := list
	if n := f.get("network"); n != nil {
		mode = n.span
		if n.kind != kindMap || !m.Network.Set() {
			network = true // what is wrong with it is reported already
		} else {
			mode = n.entry("mode").value.span
		}
	}
	switch {
	case network && m.Network.Set() && m.Network.V == NetworkHost:
		d.report(codeNetworkMode, mode, "network mode host contradicts the network namespace of its own").
			help(`leave "network" out: namespaces: [mount, pid, ipc, uts, cgroup]`)
	case !network && !m.Network.Set():
		d.report(codeNetworkMode, mode, "namespaces has no network, so the module would be in the host's network").
			help(`add "network", or say so: network: {mode: host}`)
	case !network && m.Network.V != NetworkHost:
		d.report(codeNetworkMode, mode, "network mode none and loopback need a network namespace").help(`add "network" to namespaces`)
	}
	if e := f.n.entry("filesystem"); e != nil {
		if _, mount := m.has(unix.CLONE_NEWNS); !mount {
			d.report(codeNoMountNS, e.at, "a file-system list needs a mount namespace").help(`add "mount" to namespaces`)
		}
	}
	if _, pid := m.has(unix.CLONE_NEWPID); pid {
		return
	}
	for _, mount := range m.Filesystem {
		if mount.Kind == MountProc {
			d.report(codeNoPidNS, d.mountSpan(mount), "a new proc at %s needs a pid namespace: it would show all processes of the host", mount.Path).
				help(`add "pid" to namespaces`)
		}
	}
}

// mountSpan returns where an entry of the file-system list starts.
func (d *decoder) mountSpan(m Mount) span { return d.src.at(m.Pos, 1) }
