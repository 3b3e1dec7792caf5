package policy

import "slices"

// unknownKey reports a key that a map does not have.
func (d *decoder) unknownKey(where string, e entry, known []string) {
	if notYet(where, e.key) {
		d.report(codeNotYet, e.at, "`%s` is not in this version of supervisor; remove it", e.key)
		return
	}
	if help := elsewhere(where, e.key); help != "" {
		d.report(codeUnknownKey, e.at, "%s has no key %q", where, e.key).help("%s", help)
		return
	}
	d.report(codeUnknownKey, e.at, "%s has no key %q", where, e.key).suggest(e.key, slices.Sorted(slices.Values(known)))
}

// notYet tells whether the language has a key at a place that this version does not do.
func notYet(where, key string) bool {
	switch where {
	case "a module":
		return key == "depends_on"
	case "healthcheck":
		return key == "http" || key == "exec" || key == "start_interval"
	case "a filesystem entry", "a listener":
		return key == "if_supported"
	}
	return false
}

// elsewhere says where our language has what other languages have under a key.
func elsewhere(where, key string) string {
	if where == "healthcheck" && (key == "test" || key == "disable") {
		return "write notify: true or tcp: \"127.0.0.1:8080\"; without a healthcheck a module is ready when it has run for a moment"
	}
	if where == "a rule" {
		switch key {
		case "args", "arg", "arguments", "if", "condition":
			return "write a condition, with the names of the arguments: {call: socket, when: \"family == AF_INET\"}"
		case "name", "names", "syscall", "syscalls", "calls":
			return "write {call: socket}, or {call: [socket, connect]}"
		}
	}
	if where != "a module" {
		return ""
	}
	switch key {
	case "env", "env_file", "environ":
		return "write environment: {LANG: C.UTF-8}; it is all that the program gets"
	case "image", "build":
		return "a program of this host is started: `command` names it, and `filesystem` lists the files that it sees"
	case "cwd", "workdir", "chdir":
		return "write working_dir: /srv/app"
	case "secrets", "configs", "devices":
		return "`filesystem` lists what is there, such as {path: /run/secrets/key, access: r}"
	case "init", "stdin_open", "tty":
		return "remove it; what runs beside the program is decided by its namespaces, and it has no terminal"
	case "cap_add", "cap_drop", "privileged":
		return "`capabilities` is the exact set; nothing is implied"
	case "groups", "supplementary_groups", "SupplementaryGroups", "supplementalGroups":
		return "write group_add: [audio, 44]"
	case "ulimits":
		return "write rlimits: {nofile: 1024}"
	case "volumes", "read_only", "tmpfs", "mounts":
		return "`filesystem` lists what is there, such as {path: /etc/nginx, access: r}"
	case "ports", "expose":
		return "define a listener and name it under `listeners`"
	case "mem_limit", "memory", "pids_limit", "cpus", "cpu_quota", "deploy":
		return "write resources: {memory.max: 256M, pids.max: 64, cpu.max: 50%}"
	case "network_mode", "networks":
		return "write network: {mode: none}"
	case "entrypoint", "args":
		return "`command` is the program with its arguments"
	case "security_opt", "syscalls":
		return "write seccomp: {allow: [...]}"
	case "scale":
		return "write replicas: 2"
	case "userns_mode", "pid", "ipc", "uts", "cgroup":
		return "`namespaces` lists the namespaces of the module"
	}
	return ""
}

// checkName reports a name that is not made of letters, digits, '_', '-' and '.': it becomes part of paths.
func (d *decoder) checkName(at span, what, name string) {
	const longest = 64
	bad := name == "" || len(name) > longest || name[0] == '.' || name[0] == '-'
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		bad = bad || !letter && r != '_' && r != '-' && r != '.'
	}
	if bad {
		d.report(codeName, at, "%q cannot be the name of a %s", name, what).
			help("letters, digits, '_', '-' and '.', at most %d, the first a letter, a digit or '_'", longest)
	}
}

// words reads a list of words, each at most once, and gives every word to use.
func (d *decoder) words(n *node, what, want string, use func(item *node, word string) bool) {
	first := map[string]Pos{}
	for _, item := range d.list(n, want) {
		word, ok := d.word(item, "the name of a "+what)
		if !ok {
			continue
		}
		if earlier, twice := first[word]; twice {
			d.twice(item.span, what+" "+word, earlier)
			continue
		}
		if use(item, word) {
			first[word] = item.pos
		}
	}
}

// twice reports an entry that was there before.
func (d *decoder) twice(at span, what string, earlier Pos) {
	d.report(codeTwice, at, "%s is listed twice", what).help("the first one is on %s; remove one of them", lineOf(earlier, at.pos))
}
