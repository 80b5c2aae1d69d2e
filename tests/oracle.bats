# tests/oracle.bats - what others say of the same bytes: libaddrxlat of addresses, QEMU of a guest's
# memory.

setup() {
    load dumps
    ORACLE=${NTDUMPFS_BUILD:-${NTDUMPFS%/*}}/oracle
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

refused() { # FILE LINE
    mkdir -p "$BATS_TEST_TMPDIR/none"
    run -32 --separate-stderr timeout 30 "$NTDUMPFS" "$1" "$BATS_TEST_TMPDIR/none"
    [ "$stderr" = "ntdumpfs: $1: $2" ]
}

# --- addresses ------------------------------------------------------------------------------------

@test "libaddrxlat translates 100,000 random addresses of sample dumps as we do" {
    run -0 timeout 60 "$ORACLE/translate" 30000 "$(sample zoo-19041 full)" "$(sample la57 full)" \
        "$(sample zoo-10240)" "$(sample article-active)" "$(sample article-kernel)"
    echo "$output"
    [ "${#lines[@]}" = 5 ]
    # 4 KiB and large pages, what is not mapped and what is no address were all among them.
    awk '{ small += $1; large += $3; absent += $5; invalid += $(NF - 3) }
        END { exit !(small > 50000 && large > 0 && absent > 10000 && invalid > 1000) }' <<<"$output"
}

# bats test_tags=corpus
@test "libaddrxlat translates 100,000 random addresses of the corpus as we do" {
    requires_corpus
    run -0 timeout 60 "$ORACLE/translate" 20000 \
        "$(corpus small-19041.full).dmp" "$(corpus small-19041.elf).dmp" \
        "$(corpus server-19041.kernel).dmp" "$(corpus small-22000.active).dmp" \
        "$(corpus tampered-19041.active).dmp" "$(corpus small-18362.live).dmp"
    echo "$output"
    [ "${#lines[@]}" = 6 ]
}

# --- QEMU -----------------------------------------------------------------------------------------

# guest FOLDER [KERNEL]
guest() {
    requires qemu-system-x86_64
    mkdir -p "$1"
    timeout 60 python3 tests/qemudump.py "$@"
}

@test "dumps that QEMU wrote of a 64-bit guest have its pages, and are refused as not Windows" {
    local at=$BATS_TEST_TMPDIR/guest kind
    gcc -m32 -c tests/oracle/guest.S -o "$BATS_TEST_TMPDIR/guest.o"
    ld -m elf_i386 -Ttext 0x100000 --oformat binary "$BATS_TEST_TMPDIR/guest.o" -o "$BATS_TEST_TMPDIR/kernel"
    guest "$at" "$BATS_TEST_TMPDIR/kernel"
    for kind in elf elf-paging kdump-zlib kdump-lzo kdump-snappy; do
        [ -e "$at/$kind" ] || continue # this QEMU cannot
        if [ -e "$at/$kind.assembled" ]; then
            refused "$at/$kind" \
                "a flattened kdump-compressed dump; assemble it first: makedumpfile -R NEW < DUMP"
            kind=$kind.assembled
        fi
        run -0 timeout 60 "$ORACLE/pages" "$at/$kind" "$at/memory"
        echo "$kind: $output"
        [[ ${lines[0]} == *": 8192 equal, 0 different, 0 unread, "* ]]
        [ "${lines[1]}" = "cr3 200000" ]
        refused "$at/$kind" "no Windows kernel found in 32 MiB of memory: only firmware (SeaBIOS) is in it"
    done
    [ -e "$at/elf-paging" ]
    [ -e "$at/kdump-zlib" ]
    run -0 timeout 60 "$ORACLE/pages" "$at/memory" "$at/memory"
    [[ ${lines[0]} == "raw: "*" 0 different, 0 unread, 0 beyond" ]]
    refused "$at/memory" "no Windows kernel found in 32 MiB of memory: only firmware (SeaBIOS) is in it"
}

@test "a dump that QEMU wrote of firmware is refused as 32-bit" {
    guest "$BATS_TEST_TMPDIR/guest"
    refused "$BATS_TEST_TMPDIR/guest/elf" "an ELF core that is not of a 64-bit x86 machine"
    run -2 timeout 60 "$ORACLE/pages" "$BATS_TEST_TMPDIR/guest/elf" "$BATS_TEST_TMPDIR/guest/memory"
}
