package kernel

import "github.com/bulkhead/bulkhead/posix"

// table is the process table.
type table struct {
	byPID map[posix.PID]*Process
	next  posix.PID
}

// boot makes process 1.
func (t *table) boot(k *Kernel) {
	t.byPID = map[posix.PID]*Process{}
	t.next = 1
	p := &Process{k: k, fds: &fdTable{}, umask: 0o022, cred: rootCredentials()}
	for i := range p.limits {
		p.limits[i] = posix.Rlimit{Soft: ^uint64(0), Hard: ^uint64(0)}
	}
	p.limits[rlimitNofile] = posix.Rlimit{Soft: 1024, Hard: 1 << 20}
	t.add(p)
	p.group, p.session = p.pid, p.pid
	k.init = p
}

// add gives a process a number that is not in use. Numbers are used again when the highest has been given.
func (t *table) add(p *Process) bool {
	for range p.k.config.MaxPID {
		pid := t.next
		t.next++
		if int(t.next) > p.k.config.MaxPID {
			t.next = 2
		}
		if t.byPID[pid] == nil {
			p.pid = pid
			t.byPID[pid] = p
			return true
		}
	}
	return false
}
