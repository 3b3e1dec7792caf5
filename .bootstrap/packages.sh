# Finds out which packages of the distribution are missing, and installs them without starting or enabling any service.

missing=

# want PACKAGE TEST…: a package is missing when the test of what it is wanted for fails.
want() {
	package=$1
	shift
	if ! "$@"; then
		missing="$missing $package"
	fi
}

# exists PATTERN…: one of the files is there (the shell has expanded the patterns).
exists() {
	for file; do
		[ -e "$file" ] && return 0
	done
	return 1
}

has_any_go() {
	for candidate in $(candidates); do
		[ -x "$candidate" ] && return 0
	done
	return 1
}

want_build() {
	want make has make
	want gcc has gcc
	want pkgconf has pkg-config
	want libc6-dev exists /usr/lib/*/libc.a /usr/lib/libc.a /usr/lib64/libc.a
	want libseccomp-dev exists /usr/lib/*/libseccomp.a /usr/lib/libseccomp.a /usr/lib64/libseccomp.a
	want ca-certificates exists /etc/ssl/certs/ca-certificates.crt
	want golang-go has_any_go
}

want_test() {
	want_build
	want git has git
	want strace has strace
	want bubblewrap has bwrap
	want nginx exists /usr/sbin/nginx
	want redis-server exists /usr/bin/redis-server
	want redis-tools has redis-cli
	want wrk has wrk
	want systemd has systemd-analyze
}

# want_peers: for one benchmark only.
want_peers() {
	want bubblewrap has bwrap
	want crun has crun
	want runc exists /usr/sbin/runc /usr/bin/runc
	want firejail has firejail
}

# want_vm: for tests in a virtual machine, which have a kernel for this processor only.
want_vm() {
	[ "$(uname -m)" = x86_64 ] || die "the virtual machine of the tests is for x86-64"
	want qemu-system-x86 has qemu-system-x86_64
}

install_packages() {
	[ -n "$missing" ] || return 0
	has apt-get || die "there is no apt-get here; install the counterparts of:$missing"
	say "installing:$missing"
	services=
	for service in nginx redis-server; do
		case "$missing " in
		*" $service "*) services="$services $service" ;;
		esac
	done
	quietly as_root env DEBIAN_FRONTEND=noninteractive "$root/.bootstrap/apt-install" "$services" $missing ||
		die "installing packages did not work; the whole log is .cache/bootstrap.log"
	missing=
}
