package kernel

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// sockOptions are the options of a socket. Those that do something here are fields, the others are only remembered.
type sockOptions struct {
	sndbuf, rcvbuf       int32
	rcvlowat             int32
	passcred             bool
	reuseaddr, reuseport bool
	v6only               bool
	others               map[optionKey]int32
}

func defaultOptions() sockOptions { return sockOptions{sndbuf: 212992, rcvbuf: 212992, rcvlowat: 1} }

type optionKey struct{ level, option int16 }

// optionRule says what an option that is only remembered takes. Source: tried on Linux 6.18.
type optionRule struct {
	initial     int32
	least, most int32 // EINVAL outside
	flag        bool  // any value but 0 is 1
	families    uint8 // forUnix …
	capability  int   // needed to set it; 0: none
}

const (
	forUnix uint8 = 1 << iota
	forTCP
	forUDP
	forV6   // and AF_INET6
	forInet = forTCP | forUDP
	forAll  = forUnix | forInet
)

const (
	minInt = math.MinInt32
	maxInt = math.MaxInt32
)

var optionRules = map[optionKey]optionRule{
	{unix.SOL_SOCKET, unix.SO_DEBUG}:           {least: minInt, most: maxInt, flag: true, families: forAll, capability: unix.CAP_NET_ADMIN},
	{unix.SOL_SOCKET, unix.SO_DONTROUTE}:       {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_BROADCAST}:       {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE}:       {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_OOBINLINE}:       {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_NO_CHECK}:        {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_TIMESTAMP}:       {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_LOCK_FILTER}:     {least: minInt, most: maxInt, flag: true, families: forAll},
	{unix.SOL_SOCKET, unix.SO_INCOMING_CPU}:    {initial: -1, least: minInt, most: maxInt, families: forAll},
	{unix.IPPROTO_TCP, unix.TCP_NODELAY}:       {least: minInt, most: maxInt, flag: true, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_CORK}:          {least: minInt, most: maxInt, flag: true, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE}:      {initial: 7200, least: 1, most: 32767, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL}:     {initial: 75, least: 1, most: 32767, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_KEEPCNT}:       {initial: 9, least: 1, most: 127, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_SYNCNT}:        {initial: 6, least: 1, most: 127, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT}:  {least: 0, most: maxInt, families: forTCP},
	{unix.IPPROTO_TCP, unix.TCP_QUICKACK}:      {initial: 1, least: minInt, most: maxInt, flag: true, families: forTCP},
	{unix.IPPROTO_IP, unix.IP_RECVOPTS}:        {least: minInt, most: maxInt, flag: true, families: forInet},
	{unix.IPPROTO_IP, unix.IP_RECVTTL}:         {least: minInt, most: maxInt, flag: true, families: forInet},
	{unix.IPPROTO_IP, unix.IP_RECVTOS}:         {least: minInt, most: maxInt, flag: true, families: forInet},
	{unix.IPPROTO_IP, unix.IP_FREEBIND}:        {least: minInt, most: maxInt, flag: true, families: forInet},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO}: {least: minInt, most: maxInt, flag: true, families: forV6},
	{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND}:    {least: minInt, most: maxInt, flag: true, families: forV6},
}

// kind is what of optionRule.families the socket is.
func (s *sockBase) kind() uint8 {
	switch {
	case s.family == unix.AF_UNIX:
		return forUnix
	case s.typ == unix.SOCK_STREAM && s.family == unix.AF_INET6:
		return forTCP | forV6
	case s.typ == unix.SOCK_STREAM:
		return forTCP
	case s.family == unix.AF_INET6:
		return forUDP | forV6
	}
	return forUDP
}

// knowsLevel tells whether a level means anything to the socket.
func (s *sockBase) knowsLevel(level int) bool {
	switch level {
	case unix.SOL_SOCKET:
		return true
	case unix.IPPROTO_TCP:
		return s.kind()&forTCP != 0
	case unix.IPPROTO_UDP:
		return s.kind()&forUDP != 0
	case unix.IPPROTO_IP:
		return s.family != unix.AF_UNIX
	case unix.IPPROTO_IPV6:
		return s.family == unix.AF_INET6
	}
	return false
}

func flagOf(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func (s *sockBase) setOption(p *Process, level, option int, value int32) posix.Errno {
	o := &s.options
	switch {
	case !s.knowsLevel(level) && s.family == unix.AF_UNIX:
		return eopnotsupp
	case !s.knowsLevel(level):
		return enoprotoopt
	case level == unix.SOL_SOCKET:
		switch option {
		case unix.SO_REUSEADDR:
			o.reuseaddr = value != 0
			return 0
		case unix.SO_REUSEPORT:
			if value != 0 && s.family == unix.AF_UNIX {
				return eopnotsupp
			}
			o.reuseport = value != 0
			return 0
		case unix.SO_PASSCRED:
			if s.family != unix.AF_UNIX {
				return eopnotsupp
			}
			o.passcred = value != 0
			return 0
		case unix.SO_SNDBUF:
			o.sndbuf = buffer(value, 4608, p.k.io.maxBuffer)
			s.q.notify(writeSpace)
			return 0
		case unix.SO_RCVBUF:
			o.rcvbuf = buffer(value, 2304, p.k.io.maxBuffer)
			return 0
		case unix.SO_SNDBUFFORCE, unix.SO_RCVBUFFORCE:
			if !p.cred.has(unix.CAP_NET_ADMIN) {
				return eperm
			}
			if option == unix.SO_SNDBUFFORCE {
				o.sndbuf = buffer(value, 4608, maxInt/2)
			} else {
				o.rcvbuf = buffer(value, 2304, maxInt/2)
			}
			return 0
		case unix.SO_RCVLOWAT:
			if value < 0 {
				value = maxInt
			}
			o.rcvlowat = max(1, value)
			return 0
		case unix.SO_PRIORITY:
			if (value < 0 || value > 6) && !p.cred.has(unix.CAP_NET_RAW) && !p.cred.has(unix.CAP_NET_ADMIN) {
				return eperm
			}
		case unix.SO_MARK:
			if !p.cred.has(unix.CAP_NET_RAW) && !p.cred.has(unix.CAP_NET_ADMIN) {
				return eperm
			}
		case unix.SO_LINGER, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO: // structures, not an int
			return einval
		}
		if option == unix.SO_PRIORITY || option == unix.SO_MARK {
			s.remember(optionKey{int16(level), int16(option)}, value)
			return 0
		}
	case level == unix.IPPROTO_IPV6 && option == unix.IPV6_V6ONLY:
		if s.boundTo {
			return einval
		}
		o.v6only = value != 0
		return 0
	case level == unix.IPPROTO_IP && option == unix.IP_TTL:
		if value != -1 && (value < 1 || value > 255) {
			return einval
		}
		if value == -1 {
			value = 64
		}
		s.remember(optionKey{unix.IPPROTO_IP, unix.IP_TTL}, value)
		return 0
	}
	key := optionKey{int16(level), int16(option)}
	rule, ok := optionRules[key]
	switch {
	case !ok || option != int(key.option) || rule.families&s.kind() == 0:
		return enoprotoopt
	case value < rule.least || value > rule.most:
		return einval
	case rule.capability != 0 && value != 0 && !p.cred.has(rule.capability):
		return eacces
	}
	if rule.flag {
		value = flagOf(value != 0)
	}
	s.remember(key, value)
	return 0
}

func (s *sockBase) remember(key optionKey, value int32) {
	if s.options.others == nil {
		s.options.others = map[optionKey]int32{}
	}
	s.options.others[key] = value
}

// buffer is what SO_SNDBUF and SO_RCVBUF make of a size: twice as much, for the overhead. Source: socket(7).
func buffer(value, least, most int32) int32 {
	if value < 0 || value > most {
		value = most
	}
	return max(2*value, least)
}

func (s *sockBase) option(_ *Process, level, option int) (int32, posix.Errno) {
	o := &s.options
	switch {
	case !s.knowsLevel(level) && s.family == unix.AF_INET6:
		return 0, enoprotoopt
	case !s.knowsLevel(level):
		return 0, eopnotsupp
	case level == unix.SOL_SOCKET:
		switch option {
		case unix.SO_TYPE:
			return int32(s.typ), 0
		case unix.SO_DOMAIN:
			return int32(s.family), 0
		case unix.SO_PROTOCOL:
			return int32(s.protocol), 0
		case unix.SO_ERROR:
			return int32(s.takeError()), 0
		case unix.SO_ACCEPTCONN:
			return flagOf(s.listens), 0
		case unix.SO_REUSEADDR:
			return flagOf(o.reuseaddr), 0
		case unix.SO_REUSEPORT:
			return flagOf(o.reuseport), 0
		case unix.SO_PASSCRED:
			if s.family != unix.AF_UNIX {
				return 0, eopnotsupp
			}
			return flagOf(o.passcred), 0
		case unix.SO_SNDBUF:
			return o.sndbuf, 0
		case unix.SO_RCVBUF:
			return o.rcvbuf, 0
		case unix.SO_RCVLOWAT:
			return o.rcvlowat, 0
		case unix.SO_SNDLOWAT:
			return 1, 0
		case unix.SO_PEERCRED:
			return int32(s.peerCred().PID), 0
		case unix.SO_LINGER, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO: // the first four bytes: not set
			return 0, 0
		case unix.SO_PRIORITY, unix.SO_MARK:
			return o.others[optionKey{int16(level), int16(option)}], 0
		}
	case level == unix.IPPROTO_IPV6 && option == unix.IPV6_V6ONLY:
		return flagOf(o.v6only), 0
	case level == unix.IPPROTO_IP && option == unix.IP_TTL:
		if v, ok := o.others[optionKey{unix.IPPROTO_IP, unix.IP_TTL}]; ok {
			return v, 0
		}
		return 64, 0
	}
	key := optionKey{int16(level), int16(option)}
	rule, ok := optionRules[key]
	if !ok || option != int(key.option) || rule.families&s.kind() == 0 {
		return 0, enoprotoopt
	}
	if v, ok := o.others[key]; ok {
		return v, 0
	}
	return rule.initial, 0
}

// peerCred is SO_PEERCRED; nobody has no user and no group.
func (s *sockBase) peerCred() posix.Ucred {
	if s.cred == (posix.Ucred{}) {
		return posix.Ucred{UID: ^posix.UID(0), GID: ^posix.GID(0)}
	}
	return s.cred
}

// SetsockoptInt implements [posix.Sockets].
func (p *Process) SetsockoptInt(fd posix.FD, level, option, value int) error {
	c, errno := p.enter(posix.OpSetsockoptInt, uint64(fd), uint64(level), uint64(option), 1, 4)
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			errno = s.setOption(p, int(int32(level)), int(int32(option)), int32(value))
		}
	}
	return c.leave(errno)
}

// GetsockoptInt implements [posix.Sockets].
func (p *Process) GetsockoptInt(fd posix.FD, level, option int) (int, error) {
	c, errno := p.enter(posix.OpGetsockoptInt, uint64(fd), uint64(level), uint64(option), 1, 1)
	var v int32
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			v, errno = s.option(p, int(int32(level)), int(int32(option)))
		}
	}
	return int(v), c.leave(errno)
}

// GetsockoptUcred implements [posix.Sockets].
func (p *Process) GetsockoptUcred(fd posix.FD) (posix.Ucred, error) {
	c, errno := p.enter(posix.OpGetsockoptUcred, uint64(fd), unix.SOL_SOCKET, unix.SO_PEERCRED, 1, 1)
	var u posix.Ucred
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			u = s.base().peerCred()
		}
	}
	return u, c.leave(errno)
}
