# tests/install.bats - what `make install` leaves behind, that `make uninstall` takes it away, the
# library with its example, and the Debian packages.

setup() {
    load helpers
    # The tests' own build is installed, whatever it was built with.
    MAKE=(make --no-print-directory BUILD="$BATS_TEST_TMPDIR/build" SANITIZE= CC=cc CFLAGS=-O1
        DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/usr)
    ROOT=$BATS_TEST_TMPDIR/root
}

# borrow_build: what has been built is not built again.
borrow_build() {
    [ -z "${NTDUMPFS_SANITIZED:-}" ] || skip "the sanitized build is not for installing"
    cp -a "${NTDUMPFS_BUILD:-build/release}" "$BATS_TEST_TMPDIR/"
    MAKE=(make --no-print-directory BUILD="$BATS_TEST_TMPDIR" DESTDIR="$ROOT" PREFIX=/usr)
}

@test "install and uninstall" {
    borrow_build
    run -0 "${MAKE[@]}" install
    local file
    for file in usr/bin/ntdumpfs usr/bin/ntdumpfs-symbols sbin/mount.ntdumpfs \
        usr/share/man/man8/ntdumpfs.8 usr/share/man/man5/ntdumpfs.5 \
        usr/share/man/man1/ntdumpfs-symbols.1 usr/share/man/man1/ntdumpfs-diff.1 usr/bin/ntdumpfs-diff usr/lib/pkgconfig/libntdump.pc \
        usr/share/bash-completion/completions/ntdumpfs; do
        [ -e "$ROOT/$file" ] || [ -L "$ROOT/$file" ]
    done
    run -0 "$ROOT/usr/bin/ntdumpfs" --version
    run -0 "${MAKE[@]}" uninstall
    run -0 find "$ROOT" ! -type d
    [ -z "$output" ]
}

@test "the example program builds against what was installed, and lists the processes" {
    borrow_build
    load dumps
    local dump
    dump=$(sample small)
    run -0 "${MAKE[@]}" install
    export PKG_CONFIG_PATH=$ROOT/usr/lib/pkgconfig
    # shellcheck disable=SC2046 # words of pkg-config
    ${CC:-cc} -Wall -Wextra -Werror docs/examples/processes.c -o "$BATS_TEST_TMPDIR/processes" \
        $(pkg-config --define-variable=prefix="$ROOT/usr" --define-variable=libdir="$ROOT/usr/lib" \
            --cflags --libs --static libntdump)
    "$BATS_TEST_TMPDIR/processes" "$dump" | cut -f 1-2 | sort >"$BATS_TEST_TMPDIR/got"
    python3 -c 'import json, sys
for p in json.load(open(sys.argv[1]))["processes"]:
    print("0x%016x\t%d" % (p["eprocess"], p["pid"]))' "${dump%.dmp}.truth.json" |
        sort >"$BATS_TEST_TMPDIR/want"
    diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"
    run -1 --separate-stderr "$BATS_TEST_TMPDIR/processes" /dev/null
    [ "${#stderr_lines[@]}" = 1 ]
}

@test "the systemd unit and the fstab lines are what their readers accept" {
    local file=mount-helpers/examples/mnt-dump.mount
    if command -v systemd-analyze >/dev/null; then
        run -0 systemd-analyze verify --man=no "$PWD/$file"
    fi
    grep -qx 'Where=/mnt/dump' "$file" # which is the unit's name
    run -0 findmnt --verify --tab-file mount-helpers/examples/fstab
}
