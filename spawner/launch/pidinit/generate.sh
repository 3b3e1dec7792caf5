#!/bin/sh
# Assembles the init of pid namespaces. The sources lay out the whole file themselves.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
as --64 -o "$tmp/init.o" init_amd64.S
ld -m elf_x86_64 --oformat binary -e 0 -Ttext 0 -o zz_generated_init_amd64 "$tmp/init.o"
chmod 644 zz_generated_init_amd64
