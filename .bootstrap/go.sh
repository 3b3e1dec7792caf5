# Finds a Go that builds this project, or gets one through the Go that the distribution has.
#
# Two lines of go.mod are the only place that says which: `go` is the oldest that will do, `toolchain` is the one to fetch.

wanted_go() {
	sed -n 's/^go //p' "$root/go.mod"
}

pinned_go() {
	sed -n 's/^toolchain //p' "$root/go.mod"
}

# go_version PATH: prints 1.26.0. Asked outside the module, because a Go older than 1.21 cannot read our go.mod.
go_version() {
	(cd / && GOTOOLCHAIN=local "$1" version 2>/dev/null) | sed -n 's/^go version go\([0-9.]*\).*/\1/p'
}

# at_least WANT HAVE
at_least() {
	printf '%s\n%s\n' "$1" "$2" | sort -V -C
}

suitable() {
	[ -x "$1" ] || return 1
	version=$(go_version "$1")
	[ -n "$version" ] && at_least "$(wanted_go)" "$version"
}

# candidates: every Go there may be, best first.
candidates() {
	[ -z "${GO:-}" ] || command -v "$GO" || true
	command -v go || true
	printf '%s\n' /usr/local/go/bin/go
	for candidate in /usr/lib/go-*/bin/go; do
		printf '%s\n' "$candidate"
	done
}

arch() {
	case "$(uname -m)" in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) die "no Go for $(uname -m)" ;;
	esac
}

# fetched_go OLD: where the pinned toolchain is when the Go named OLD has fetched it.
fetched_go() {
	printf '%s/golang.org/toolchain@v0.0.1-%s.linux-%s/bin/go\n' \
		"$(cd / && GOTOOLCHAIN=local "$1" env GOMODCACHE)" "$(pinned_go)" "$(arch)"
}

# find_go: sets $go, or fails.
find_go() {
	for go in $(candidates); do
		if suitable "$go"; then
			return 0
		fi
	done
	for old in $(candidates); do
		[ -x "$old" ] || continue
		go=$(fetched_go "$old")
		if suitable "$go"; then
			return 0
		fi
	done
	return 1
}

# fetch_go: sets $go to the pinned toolchain, which is a module like any other: an old Go downloads it and checks its sum. A
# module has no run bits, so they are set here.
fetch_go() {
	old=
	for candidate in $(candidates); do
		if [ -n "$(go_version "$candidate")" ]; then
			old=$candidate
			break
		fi
	done
	[ -n "$old" ] || die "no Go at all; install the package golang-go"
	go=$(fetched_go "$old")
	say "fetching $(pinned_go) with $old"
	empty=$(mktemp -d)
	# An empty folder, so that no go.mod that the old Go cannot read is in the way.
	if ! (cd "$empty" && GO111MODULE=on GOTOOLCHAIN=local GOFLAGS=-mod=mod \
		quietly "$old" mod download "golang.org/toolchain@v0.0.1-$(pinned_go).linux-$(arch)"); then
		rmdir "$empty"
		die "fetching $(pinned_go) did not work; is a module proxy reachable (go env GOPROXY)?"
	fi
	rmdir "$empty"
	goroot=${go%/bin/go}
	chmod u+w,a+x "$goroot"/bin/* "$goroot"/pkg/tool/*/*
	suitable "$go" || die "the fetched Go does not run: $go"
}
