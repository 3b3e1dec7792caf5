# Messages of ./bootstrap, and running things as root.

say() {
	printf 'bootstrap: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# as_root COMMAND ARG…: runs a command as root.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif has sudo; then
		sudo "$@"
	else
		die "need root for: $*; there is no sudo, so run it as root and start again"
	fi
}

# quietly COMMAND ARG…: keeps the output in .cache/bootstrap.log and shows its end when the command fails.
quietly() {
	mkdir -p "$root/.cache"
	if ! "$@" >"$root/.cache/bootstrap.log" 2>&1 </dev/null; then
		tail -n 30 "$root/.cache/bootstrap.log" >&2
		return 1
	fi
}

# Ubuntu 24.04 lets AppArmor refuse user namespaces to programs without a profile; others switch them off for users.
confined_user_namespaces() {
	for knob in kernel/apparmor_restrict_unprivileged_userns:1 kernel/unprivileged_userns_clone:0 user/max_user_namespaces:0; do
		file=/proc/sys/${knob%:*}
		if [ -r "$file" ] && [ "$(cat "$file")" = "${knob#*:}" ]; then
			return 0
		fi
	done
	return 1
}
