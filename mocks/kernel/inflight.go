package kernel

// launch counts a description that is on its way in a message to a socket.
func (o *io) launch(f *file, _ *unixSocket) {
	if s, ok := f.object.(*unixSocket); ok {
		if f.inflight == 0 {
			o.flying = append(o.flying, s)
		}
		f.inflight++
	}
}

// land ends that: it has been received, or is lost.
func (o *io) land(f *file) {
	s, ok := f.object.(*unixSocket)
	if !ok {
		return
	}
	f.inflight--
	if f.inflight > 0 {
		return
	}
	for i, other := range o.flying {
		if other == s {
			o.flying = append(o.flying[:i], o.flying[i+1:]...)
			return
		}
	}
}

// collect closes the sockets that only messages hold which nobody can receive any more: those on their way to such sockets themselves. It is called when
// a unix socket is released, as in Linux, and so not yet when the last socket of a circle is closed. Source: unix_gc in net/unix/garbage.c.
func (o *io) collect() {
	if o.collecting || len(o.flying) == 0 {
		return
	}
	o.collecting = true
	defer func() { o.collecting = false }()
	inside := map[*unixSocket]int{} // candidates, and how many messages to candidates hold them
	for _, s := range o.flying {
		if s.file.refs == s.file.inflight {
			inside[s] = 0
		}
	}
	for s := range inside {
		s.flights(func(other *unixSocket) {
			if n, ok := inside[other]; ok {
				inside[other] = n + 1
			}
		})
	}
	var reach func(s *unixSocket)
	reach = func(s *unixSocket) {
		if _, ok := inside[s]; !ok {
			return
		}
		delete(inside, s)
		s.flights(reach)
	}
	for _, s := range append([]*unixSocket(nil), o.flying...) {
		if n, ok := inside[s]; ok && s.file.inflight > n {
			reach(s)
		}
	}
	for _, s := range append([]*unixSocket(nil), o.flying...) { // in their order: closing has effects that others see
		if _, ok := inside[s]; ok && !s.dead {
			s.file.hold()
			s.purge()
			s.file.drop()
		}
	}
}

// flights calls f for each socket in a message to s, also in one to a connection that s has not accepted.
func (s *unixSocket) flights(f func(*unixSocket)) {
	for pk := s.queue.first; pk != nil; pk = pk.next {
		if pk.conn != nil {
			pk.conn.flights(f)
		}
		for _, file := range pk.files {
			if other, ok := file.object.(*unixSocket); ok {
				f(other)
			}
		}
	}
}
