package policy

// Language returns every key of the language, each map's in the order in which a policy is laid out.
func Language() []Key {
	tables := [][]Key{topKeys(), lifeKeys(), restrictionKeys(), attributeKeys(), seccompKeys(), filesystemKeys(), smallKeys(), ruleKeys()}
	var all []Key
	for _, t := range tables {
		all = append(all, t...)
	}
	return all
}

func topKeys() []Key {
	const in, l = "the policy", "a listener"
	return []Key{
		{In: in, Name: "version", Type: TypeVersion, Required: true, Example: `version: 1`, Text: "The version of the language."},
		{In: in, Name: "kernel", Type: TypeKernel, Example: `kernel: ">=6.1"`,
			Text: "The oldest kernel that the policy is for; an older one refuses to start it."},
		{In: in, Name: "include", Type: TypeNames, Range: "8 deep, at most 64 files and 4 MiB", Example: `include: [common.yaml]`,
			Text: "Files whose listeners, profiles, modules and tests are added; relative paths in them, and ${POLICY_DIR}, start from their own directories. " +
				"What may be included is what may be a policy: owned by root or by the supervisor's user, and closed to others, all the way to it."},
		{In: in, Name: "listeners", Type: TypeMaps, Holds: l, Range: "at most 1000", Example: `listeners: {http: {address: "0.0.0.0:8080"}}`,
			Text: "Sockets that are opened once, held open across every change, and handed to modules."},
		{In: in, Name: "profiles", Type: TypeMaps, Holds: "a module", Range: "at most 250", Example: `profiles: {base: {capabilities: []}}`,
			Text: "Fragments of modules: maps are merged, lists appended, scalars replaced by what extends them."},
		{In: in, Name: "modules", Type: TypeMaps, Holds: "a module", Required: true, Range: "1 to 1000",
			Example: `modules: {web: {command: [/usr/bin/web], seccomp: {allow: ["@default"]}, filesystem: [{path: /usr, access: rx}]}}`,
			Text:    "The programs that run, each with what it may do."},
		{In: in, Name: "tests", Type: TypeMapList, Holds: "a test", Range: "at most 10000",
			Example: `tests: [{name: no raw sockets, module: web, call: "socket(AF_PACKET, SOCK_RAW, 0)", expect: errno EPERM}]`,
			Text:    "What must hold for the modules; `supervisor policy test` runs them."},

		{In: l, Name: "address", Type: TypeAddress, Required: true, Example: `address: "0.0.0.0:8080"`,
			Text: "Where it listens: IP:PORT for TCP, udp:IP:PORT or unix:PATH."},
		{In: l, Name: "backlog", Type: TypeNumber, Default: "511", Range: "1 to 65535 connections", Example: `backlog: 128`,
			Text: "How many connections wait until a module takes them, listen(2); not with UDP."},
		{In: l, Name: "mode", Type: TypeMode, Default: `"0600"`, Range: `up to "0777"`, Example: `mode: "0660"`,
			Text: "Permission bits of a unix socket."},
		{In: l, Name: "user", Type: TypeAccount, Example: `user: www-data`, Text: "The owner of a unix socket."},
		{In: l, Name: "group", Type: TypeAccount, Example: `group: www-data`, Text: "The group of a unix socket."},
	}
}

func lifeKeys() []Key {
	const in = "a module"
	return []Key{
		{In: in, Name: "extends", Type: TypeNames, Range: "8 deep", Example: `extends: base`,
			Text: "The profiles whose keys the module has as well, those named first being overridden by those that follow."},
		{In: in, Name: "command", Type: TypeCommand, Required: true, Example: `command: [/usr/sbin/nginx, -g, "daemon off;"]`,
			Text: "The program by its path, and its arguments; no shell takes it apart and PATH is not searched."},
		{In: in, Name: "environment", Type: TypeEnvironment, Default: "{}", Example: `environment: {LANG: C.UTF-8}`,
			Text: "The whole environment, as a map or a list of NAME=value; nothing of the supervisor's own is passed on."},
		{In: in, Name: "user", Type: TypeUser, Holds: "user", Example: `user: www-data`,
			Text: "Whom it runs as; required when the supervisor is root. Without root it is that user for the host only with sub-ids, subuid(5)."},
		{In: in, Name: "group", Type: TypeAccount, Default: "the user's", Example: `group: adm`, Text: "The group that it runs as."},
		{In: in, Name: "group_add", Type: TypeGroups, Default: "[]", Range: "at most 64", Example: `group_add: [audio, 44]`,
			Text: "Supplementary groups, setgroups(2), besides those that the user has in the database of groups; of a dynamic user the only ones. " +
				"Without root they take sub-ids that reach them, and for the host they are those sub-ids."},
		{In: in, Name: "working_dir", Type: TypePath, Default: "/", Example: `working_dir: /usr`,
			Text: "The directory that it starts in, as the module sees it."},
		{In: in, Name: "listeners", Type: TypeDescriptors, Default: "{}", Range: "from 3, without gaps", Example: `listeners: {http: 3}`,
			Text: "Which listeners it gets as which descriptors; @notify and @control are sockets of the supervisor's own."},
		{In: in, Name: "listener_protocol", Type: TypeChoice, Default: "systemd", Example: `listener_protocol: nginx`,
			Text: "How it is told of its descriptors: LISTEN_FDS as sd_listen_fds(3) reads it, or the variable NGINX."},
		{In: in, Name: "replicas", Type: TypeNumber, Default: "1", Range: "1 to 1000", Example: `replicas: 2`, Text: "How many instances run."},
		{In: in, Name: "healthcheck", Type: TypeMap, Holds: "healthcheck", Example: `healthcheck: {notify: true}`,
			Text: "How it is found out that an instance is ready and still answers; without one it is ready when it has run for 250 ms."},
		{In: in, Name: "update_config", Type: TypeMap, Holds: "update_config", Example: `update_config: {order: stop-first}`,
			Text: "How an instance is replaced when its policy changed."},
		{In: in, Name: "restart", Type: TypeWordOrMap, Holds: "restart", Default: `"no"`, Example: `restart: on-failure`,
			Text: "When it is started again after it ended."},
		{In: in, Name: "stop_signal", Type: TypeSignal, Default: "SIGTERM", Example: `stop_signal: SIGQUIT`, Text: "The signal that asks it to end."},
		{In: in, Name: "stop_grace_period", Type: TypeDuration, Default: "10s", Range: "0s to 24h", Example: `stop_grace_period: 30s`,
			Text: "How long it has to end before it is killed."},
	}
}

func attributeKeys() []Key {
	const in, t = "a module", "time_offsets"
	return []Key{
		{In: in, Name: "hostname", Type: TypeText, Default: "the module's name", Range: "at most 64 characters", Example: `hostname: web-1`,
			Text: "The name of the host that it sees, sethostname(2); needs a uts namespace."},
		{In: in, Name: "domainname", Type: TypeText, Range: "at most 64 characters", Example: `domainname: example`,
			Text: "The NIS domain name that it sees, setdomainname(2); needs a uts namespace."},
		{In: in, Name: "umask", Type: TypeMode, Default: `"0022"`, Range: `up to "0777"`, Example: `umask: "0077"`,
			Text: "Permission bits that files which it makes do not get, umask(2)."},
		{In: in, Name: "nice", Type: TypeInteger, Default: "the supervisor's", Range: "-20 to 19", Example: `nice: 5`,
			Text: "How much it gives way to others, setpriority(2); below 0 takes root."},
		{In: in, Name: "oom_score_adj", Type: TypeInteger, Default: "the supervisor's", Range: "-1000 to 1000", Example: `oom_score_adj: 500`,
			Text: "How soon the kernel kills it when the host has no memory left, proc_pid_oom_score_adj(5); below the supervisor's takes root."},
		{In: in, Name: "cpu_affinity", Type: TypeCPUs, Range: "0 to 1023", Example: `cpu_affinity: [0, 2-3]`,
			Text: "The processors that it may run on, sched_setaffinity(2)."},
		{In: in, Name: t, Type: TypeMap, Holds: t, Kernel: "6.1", Example: `time_offsets: {boottime: 24h}`,
			Text: "What its clocks are ahead of the host's, time_namespaces(7); needs a time namespace."},
		{In: t, Name: "monotonic", Type: TypeOffset, Default: "0s", Range: "-24h to 24h", Example: `monotonic: 1h`, Text: "Added to CLOCK_MONOTONIC."},
		{In: t, Name: "boottime", Type: TypeOffset, Default: "0s", Range: "-24h to 24h", Example: `boottime: -1h`, Text: "Added to CLOCK_BOOTTIME."},
	}
}

func restrictionKeys() []Key {
	const in = "a module"
	return []Key{
		{In: in, Name: "namespaces", Type: TypeNamespaces, Default: "[mount, pid, ipc, uts, cgroup, network]",
			Example: `namespaces: [mount, pid, ipc, uts, cgroup, network]`, Text: "The namespaces that it has for itself, namespaces(7)."},
		{In: in, Name: "network", Type: TypeMap, Holds: "network", Default: "{mode: none}", Example: `network: {mode: loopback}`,
			Text: "What it sees of the network."},
		{In: in, Name: "capabilities", Type: TypeCapabilities, Default: "[]", Example: `capabilities: [net_bind_service]`,
			Text: "Its exact set of capabilities, capabilities(7); nothing is implied."},
		{In: in, Name: "filesystem", Type: TypeMapList, Holds: "a filesystem entry", Required: true, Kernel: "5.13",
			Example: `filesystem: [{path: /usr, access: rx}]`,
			Text:    "What of the file system is there, and with which access: mounts and Landlock together."},
		{In: in, Name: "rlimits", Type: TypeRlimits, Example: `rlimits: {nofile: 1024, core: 0}`,
			Text: "Limits of each of its processes, getrlimit(2); a value, or {soft: …, hard: …}."},
		{In: in, Name: "resources", Type: TypeResources, Holds: "a disk of io.max", Example: `resources: {memory.max: 256M, pids.max: 64, io.max: {/srv: {rbps: 10M}}}`,
			Text: "Limits of the control group of each instance, by the names of the kernel's files. A disk of io.max is named by its device, by any path on it, or by MAJOR:MINOR."},
		{In: in, Name: "best_effort", Type: TypeProtections, Default: "[]", Example: `best_effort: [resources]`,
			Text: "Protections that the host may lack; every other one that cannot be had stops the start."},
		{In: in, Name: "accept", Type: TypeMapList, Holds: "an entry of accept", Example: `accept: [{rule: C08, reason: "UDP for the resolver", until: 2027-01-01}]`,
			Text: "Findings of the audit that the author takes on, until a day."},
		{In: in, Name: "seccomp", Type: TypeMap, Holds: "seccomp", Required: true, Example: `seccomp: {allow: ["@default"]}`,
			Text: "Which system calls it may make, seccomp(2)."},
	}
}

func seccompKeys() []Key {
	const in = "seccomp"
	return []Key{
		{In: in, Name: "architectures", Type: TypeArchitectures, Default: "[native]", Example: `architectures: [native]`,
			Text: "The tables of system calls that are open; the others are closed."},
		{In: in, Name: "default", Type: TypeAction, Default: "errno ENOSYS", Example: `default: errno ENOSYS`,
			Text: "The answer to a call that is in no table, so that libc falls back."},
		{In: in, Name: "denied", Type: TypeAction, Default: "errno EPERM", Example: `denied: kill_process`,
			Text: "The answer to a call that is known and not allowed."},
		{In: in, Name: "allow", Type: TypeCalls, Holds: "a rule", Required: true, Example: `allow: ["@default", openat, [read, write]]`,
			Text: "The calls that may be made, by name or by @group; lists may stand in the list."},
		{In: in, Name: "deny", Type: TypeCalls, Holds: "a rule", Default: "[]", Example: `deny: [execve, execveat]`,
			Text: "Calls that may not be made although allow has them; deny beats allow at any depth."},
	}
}

func filesystemKeys() []Key {
	const in = "a filesystem entry"
	return []Key{
		{In: in, Name: "path", Type: TypePath, Required: true, Example: `path: /usr`, Text: "Where it is in the module, and on the host when it has no source."},
		{In: in, Name: "source", Type: TypePath, Default: "the path", Example: `source: /srv/site-7`, Text: "What of the host is shown at the path."},
		{In: in, Name: "tmpfs", Type: TypeSize, Range: "more than 0", Example: `tmpfs: 16M`, Text: "A new file system in memory of that size."},
		{In: in, Name: "proc", Type: TypeChoice, Kernel: "5.8 for pid", Example: `proc: pid`,
			Text: "A new proc of the module's pid namespace: all of it, or its processes only. What belongs to the kernel is read-only."},
		{In: in, Name: "hidepid", Type: TypeChoice, Kernel: "5.8", Example: `hidepid: invisible`,
			Text: "Processes that the reader could not trace: their directories in proc are closed, or not there, proc(5)."},
		{In: in, Name: "masked", Type: TypeProcPaths, Default: "[default]", Example: `masked: [default, /proc/mdstat]`,
			Text: "What of the kernel's in proc: all the module cannot look into: exactly these paths; the word default is what container runtimes mask."},
		{In: in, Name: "read_only", Type: TypeProcPaths, Default: "[default]", Example: `read_only: [default, /proc/driver]`,
			Text: "What stays read-only in a proc: all with access: rw; the word default is bus, fs, irq, sys and sysrq-trigger."},
		{In: in, Name: "cgroup", Type: TypeChoice, Example: `cgroup: own`, Text: "The directories of the instance's own control groups."},
		{In: in, Name: "control", Type: TypeChoice, Example: `control: self`, Text: "A socket on which the instance learns about itself."},
		{In: in, Name: "access", Type: TypeChoice, Default: "r; rw for a tmpfs", Example: `access: rx`, Text: "What may be done below the path."},
		{In: in, Name: "dev", Type: TypeChoice, Example: `dev: minimal`,
			Text: "A directory with null, zero, full, random, urandom, tty (read and write, no ioctl), links to the standard streams, and a shm of 16M."},
		{In: in, Name: "mode", Type: TypeMode, Default: `"1777"`, Range: `up to "7777"`, Example: `mode: "0700"`,
			Text: "Permission bits of a tmpfs's top directory."},
		{In: in, Name: "if_exists", Type: TypeBool, Default: "false", Example: `if_exists: true`, Text: "No error when the host has nothing there."},
		{In: in, Name: "nosymfollow", Type: TypeBool, Default: "false", Kernel: "5.14", Example: `nosymfollow: true`,
			Text: "No symbolic link below the path is followed, mount(2)."},
	}
}

func smallKeys() []Key {
	const h, r = "healthcheck", "restart"
	const disk, rate, ops = "a disk of io.max", "a size of at least 4K, or max", "2 to 4294967294, or max"
	return []Key{
		{In: "user", Name: "dynamic", Type: TypeTrue, Required: true, Example: `dynamic: true`,
			Text: "A user and a group that nobody else has, chosen by the supervisor."},

		{In: h, Name: "notify", Type: TypeTrue, Example: `notify: true`, Text: "Ready when it says READY=1, sd_notify(3)."},
		{In: h, Name: "tcp", Type: TypeProbeAddress, Example: `tcp: "127.0.0.1:8080"`, Text: "Ready and healthy when it takes a connection."},
		{In: h, Name: "interval", Type: TypeDuration, Default: "10s", Range: "10ms to 24h", Example: `interval: 5s`, Text: "Between two probes; with tcp."},
		{In: h, Name: "timeout", Type: TypeDuration, Default: "1s", Range: "10ms to 24h", Example: `timeout: 1s`, Text: "Of one probe; with tcp."},
		{In: h, Name: "retries", Type: TypeNumber, Default: "3", Range: "1 to 1000", Example: `retries: 3`,
			Text: "How many probes in a row fail before it counts as unhealthy; with tcp."},
		{In: h, Name: "start_period", Type: TypeDuration, Default: "30s", Range: "10ms to 24h", Example: `start_period: 2s`,
			Text: "How long a start may take before it has failed."},
		{In: h, Name: "watchdog", Type: TypeDuration, Range: "10ms to 24h", Example: `watchdog: 2s`,
			Text: "The longest time between two signs of life (WATCHDOG=1); with notify."},

		{In: "update_config", Name: "order", Type: TypeChoice, Required: true, Default: "stop-first", Example: `order: stop-first`,
			Text: "Whether the new instance starts before the old one is asked to end; start-first needs an inherited listener."},

		{In: r, Name: "policy", Type: TypeChoice, Required: true, Default: `"no"`, Example: `policy: on-failure`, Text: "After which endings it is started again."},
		{In: r, Name: "delay", Type: TypeDuration, Default: "200ms", Range: "0s to 24h", Example: `delay: 100ms`, Text: "Before the first restart; it doubles."},
		{In: r, Name: "max_delay", Type: TypeDuration, Default: "30s", Range: "delay to 24h", Example: `max_delay: 5s`, Text: "What the delay grows to."},
		{In: r, Name: "burst", Type: TypeNumber, Default: "5", Range: "1 to 10000", Example: `burst: 3`, Text: "How many starts a window may have."},
		{In: r, Name: "window", Type: TypeDuration, Default: "1m", Range: "0s to 24h", Example: `window: 1m`, Text: "The time that starts are counted in."},
		{In: r, Name: "reset_after", Type: TypeDuration, Default: "10s", Range: "0s to 24h", Example: `reset_after: 10s`,
			Text: "How long it must be healthy for the count and the delay to start afresh."},

		{In: "network", Name: "mode", Type: TypeChoice, Required: true, Default: "none", Example: `mode: loopback`,
			Text: "A network of its own with nothing in it, one with lo up, or the host's."},
		{In: "network", Name: "connect", Type: TypeMapList, Holds: "an entry of ports", Kernel: "6.7", Example: `connect: [{tcp: [5432]}]`,
			Text: "The TCP ports that it may connect to, landlock(7); without it all, with an empty list none."},
		{In: "network", Name: "bind", Type: TypeMapList, Holds: "an entry of ports", Kernel: "6.7", Example: `bind: [{tcp: [8080, 9000-9009]}]`,
			Text: "The TCP ports that it may bind, landlock(7); without it all, with an empty list none; 0 is a port that the kernel chooses."},
		{In: "network", Name: "scope", Type: TypeScopes, Default: "[abstract_unix_socket, signal]", Kernel: "6.12", Example: `scope: [signal]`,
			Text: "What it does not reach outside of itself, landlock(7); without it every scope that the kernel has."},
		{In: "an entry of ports", Name: "tcp", Type: TypePorts, Required: true, Range: "0 to 65535", Example: `tcp: [5432, 8000-8009]`,
			Text: "Numbers of TCP ports, and ranges."},

		{In: "a limit", Name: "soft", Type: TypeText, Required: true, Example: `soft: 1024`, Text: "What applies, in the unit of the limit."},
		{In: "a limit", Name: "hard", Type: TypeText, Required: true, Example: `hard: 4096`, Text: "What the program may raise it to."},

		{In: disk, Name: "rbps", Type: TypeText, Range: rate, Example: `rbps: 10M`, Text: "How much it may read from the disk in a second."},
		{In: disk, Name: "wbps", Type: TypeText, Range: rate, Example: `wbps: 10M`, Text: "How much it may write to the disk in a second."},
		{In: disk, Name: "riops", Type: TypeText, Range: ops, Example: `riops: 500`, Text: "How many requests to read it may make in a second."},
		{In: disk, Name: "wiops", Type: TypeText, Range: ops, Example: `wiops: 500`, Text: "How many requests to write it may make in a second."},
	}
}

func ruleKeys() []Key {
	const r, a, t = "a rule", "an entry of accept", "a test"
	return []Key{
		{In: r, Name: "call", Type: TypeNames, Required: true, Example: `call: socket`, Text: "The call, or a list of calls, that the rule is about."},
		{In: r, Name: "when", Type: TypeExpression, Range: "at most 4096 characters, 64 deep", Example: `when: "family in [AF_INET, AF_INET6]"`,
			Text: "The condition on the call's arguments; rules for one call are alternatives."},
		{In: r, Name: "if_supported", Type: TypeBool, Default: "false", Example: `if_supported: true`,
			Text: "No error where the architecture or the oldest kernel lacks the call."},
		{In: r, Name: "action", Type: TypeAction, Example: `action: errno ENOSYS`, Text: "In deny: another answer than the section's."},
		{In: r, Name: "overridable", Type: TypeBool, Default: "false", Example: `overridable: true`,
			Text: "In deny of a profile: what extends it may allow the call by its name."},

		{In: a, Name: "rule", Type: TypeText, Required: true, Example: `rule: C08`, Text: "The id of the finding."},
		{In: a, Name: "reason", Type: TypeText, Required: true, Example: `reason: "UDP for the resolver"`, Text: "Why it is no problem here."},
		{In: a, Name: "until", Type: TypeText, Required: true, Example: `until: 2027-01-01`, Text: "The day from which on it is a finding again."},

		{In: t, Name: "name", Type: TypeText, Required: true, Example: `name: no raw sockets`, Text: "What the test shows; each test has its own."},
		{In: t, Name: "module", Type: TypeText, Required: true, Example: `module: web`, Text: "The module that it is about."},
		{In: t, Name: "call", Type: TypeText, Example: `call: "socket(AF_PACKET, SOCK_RAW, 0)"`, Text: "A call with its arguments."},
		{In: t, Name: "trace", Type: TypePath, Example: `trace: web.strace`, Text: "A file of calls, as strace writes it."},
		{In: t, Name: "subset_of", Type: TypePath, Example: `subset_of: web-1.4.yaml`, Text: "A policy that the module is no wider than."},
		{In: t, Name: "expect", Type: TypeText, Example: `expect: errno EPERM`, Text: "What comes of the call or of each of the trace: allowed, or an action."},
	}
}
