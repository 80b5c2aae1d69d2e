#!/bin/bash
# mount-helpers/deps.sh - the Debian packages that building and testing need.
#
#   deps.sh GROUP...            install what is missing (build, test, fuzz, lint, package)
#   deps.sh --missing GROUP...  install nothing; say what is missing and exit 1
set -eu

packages_of() {
    case $1 in
    build) echo gcc libc6-dev make pkg-config libfuse3-dev libyajl-dev liblzma-dev libkdumpfile-dev libcapstone-dev libseccomp-dev ;;
    test) echo fuse3 bats python3 jq rsync ripgrep attr file xxd binutils sqlite3 graphviz procps xz-utils curl groff nbdkit libnbd-bin qemu-system-x86 seabios ;;
    fuzz) echo clang ;;
    package) echo debhelper dpkg-dev fakeroot lintian ;;
    lint) echo clang-tidy clang-format cppcheck shellcheck git ;;
    *) echo "deps.sh: no such group: $1" >&2 && return 1 ;;
    esac
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
    local group package names
    for group; do
        names=$(packages_of "$group")
        for package in $names; do
            installed "$package" || echo "$package"
        done
    done
}

install_command=(apt-get install -y --no-install-recommends)
only_say=
if [ "${1-}" = --missing ]; then
    only_say=1
    shift
fi

# Elsewhere than on Debian the compiler says what is missing.
command -v dpkg-query >/dev/null || exit 0

missing=$(missing_packages "$@")
[ -n "$missing" ] || exit 0
mapfile -t missing <<<"$missing"

if [ -n "$only_say" ]; then
    echo "missing packages: ${missing[*]}" >&2
    echo "install them:     ${install_command[*]} ${missing[*]}    (or: make deps)" >&2
    exit 1
fi

root=()
if [ "$(id -u)" != 0 ]; then
    root=(sudo)
    if ! command -v sudo >/dev/null; then
        echo "As root: ${install_command[*]} ${missing[*]}" >&2
        exit 1
    fi
fi
echo "Installing with ${root[*]:+${root[*]} }apt-get: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${root[@]}" apt-get update && "${root[@]}" "${install_command[@]}" "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
