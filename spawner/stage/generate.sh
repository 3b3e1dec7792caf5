#!/bin/sh
# Assembles the program that enters a user namespace. The sources lay out the whole file themselves.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
as --64 -o "$tmp/userns.o" userns_amd64.S
ld -m elf_x86_64 --oformat binary -e 0 -Ttext 0 -o zz_generated_userns_amd64 "$tmp/userns.o"
chmod 644 zz_generated_userns_amd64
