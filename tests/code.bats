# tests/code.bats - /code and proc/<pid>/code: disassembly as WinDbg prints it. The three listings
# of the article are its own text.

load dumps

setup_file() {
    load dumps
    export BATS_TEST_TIMEOUT=100 MNT=$BATS_FILE_TMPDIR/mnt
    start_sample article-active "$MNT"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

# The process of the article's example.
P=proc/5148/code

# show FILE: of the mounted dump, within ten seconds.
show() { timeout 10 cat "$MNT/$1"; }

u_of_the_article() {
    cat <<'END'
ntdll!NtDeviceIoControlFile:
00007ffa`3dab3560 4c8bd1          mov     r10,rcx
00007ffa`3dab3563 b807000000      mov     eax,7
00007ffa`3dab3568 0f05            syscall
00007ffa`3dab356a c3              ret
END
}

ub_of_the_article() {
    cat <<'END'
ntdll!NtMapUserPhysicalPagesScatter+0xa:
00007ffa`3dab352a c3              ret
00007ffa`3dab352b 0f1f440000      nop     dword ptr [rax+rax]
ntdll!NtWaitForSingleObject:
00007ffa`3dab3530 4c8bd1          mov     r10,rcx
00007ffa`3dab3533 b804000000      mov     eax,4
00007ffa`3dab3538 0f05            syscall
00007ffa`3dab353a c3              ret
00007ffa`3dab353b 0f1f440000      nop     dword ptr [rax+rax]
ntdll!NtCallbackReturn:
00007ffa`3dab3540 4c8bd1          mov     r10,rcx
00007ffa`3dab3543 b805000000      mov     eax,5
00007ffa`3dab3548 0f05            syscall
00007ffa`3dab354a c3              ret
00007ffa`3dab354b 0f1f440000      nop     dword ptr [rax+rax]
ntdll!NtReadFile:
00007ffa`3dab3550 4c8bd1          mov     r10,rcx
00007ffa`3dab3553 b806000000      mov     eax,6
00007ffa`3dab3558 0f05            syscall
00007ffa`3dab355a c3              ret
00007ffa`3dab355b 0f1f440000      nop     dword ptr [rax+rax]
ntdll!NtDeviceIoControlFile:
00007ffa`3dab3560 4c8bd1          mov     r10,rcx
00007ffa`3dab3563 b807000000      mov     eax,7
00007ffa`3dab3568 0f05            syscall
END
}

# uf_of_the_article HIGH LOW: for an ntdll whose NtDeviceIoControlFile is at HIGH`LOW0.
uf_of_the_article() {
    sed "s/HI\`LO/$1\`$2/g" <<'END'
ntdll!NtDeviceIoControlFile:
HI`LO20 4c8bd1          mov     r10,rcx
HI`LO23 b807000000      mov     eax,7
HI`LO28 f604250803fe7f01 test    byte ptr [SharedUserData+0x308 (00000000`7ffe0308)],1
HI`LO30 7503            jne     ntdll!NtDeviceIoControlFile+0x15 (HI`LO35)  Branch

ntdll!NtDeviceIoControlFile+0x12:
HI`LO32 0f05            syscall
HI`LO34 c3              ret

ntdll!NtDeviceIoControlFile+0x15:
HI`LO35 cd2e            int     2Eh
HI`LO37 c3              ret
END
}

# bats test_tags=code
@test "u of a range is the article's, byte for byte" {
    diff <(u_of_the_article) \
        <(show "$P/ntdll!NtDeviceIoControlFile,ntdll!NtDeviceIoControlFile+0xa/u")
}

# bats test_tags=code
@test "ub of 20 instructions is the article's, byte for byte" {
    diff <(ub_of_the_article) <(show "$P/ntdll!NtDeviceIoControlFile+0xa,l0n20/ub")
    diff <(ub_of_the_article) <(show "$P/ntdll!NtDeviceIoControlFile+0xa,l20/ub")
}

# bats test_tags=code
@test "the article's listings come out of the dumps of its machines" {
    requires_corpus
    local mnt=$BATS_TEST_TMPDIR/10240
    start "$(corpus article-notmyfault.active).dmp" "$mnt"
    diff <(u_of_the_article) \
        <(timeout 10 cat "$mnt/$P/ntdll!NtDeviceIoControlFile,ntdll!NtDeviceIoControlFile+0xa/u")
    diff <(ub_of_the_article) \
        <(timeout 10 cat "$mnt/$P/ntdll!NtDeviceIoControlFile+0xa,l0n20/ub")
    unmount_dump "$mnt"

    mnt=$BATS_TEST_TMPDIR/14393
    start "$(corpus small-14393.active).dmp" "$mnt"
    diff <(uf_of_the_article 00007ffe defd4f) \
        <(timeout 10 cat "$mnt/proc/860/code/ntdll!NtDeviceIoControlFile/uf")
    unmount_dump "$mnt"
}

# bats test_tags=code
@test "without an extent: 8 instructions, up to the next one or before it" {
    [ "$(show "$P/ntdll!NtDeviceIoControlFile/u" | grep -c '^[0-9a-f]*`')" = 8 ]
    [ "$(show "$P/ntdll!NtDeviceIoControlFile/ub" | grep -c '^[0-9a-f]*`')" = 8 ]
    [[ $(show "$P/ntdll!NtDeviceIoControlFile/ub" | tail -n 1) == "00007ffa\`3dab355b "* ]]
}

# bats test_tags=code
@test "all spellings of a place show the same" {
    local want
    want=$(show "$P/ntdll!NtDeviceIoControlFile/u")
    diff <(echo "$want") <(show "$P/NTDLL!NtDeviceIoControlFile/u")
    diff <(echo "$want") <(show "$P/0x00007ffa3dab3560/u")
    diff <(echo "$want") <(show "$P/00007ffa\`3dab3560/u")
    diff <(echo "$want") <(show "$P/ntdll!NtReadFile+0x10/u")
}

# bats test_tags=code
@test "kernel code: by name in /code and in every process, by address too" {
    local want
    want=$(show code/nt!NtDeviceIoControlFile/uf)
    [[ $want == "nt!NtDeviceIoControlFile:"$'\n'"fffff803\`15842a00 "* ]]
    [[ ${want##*$'\n'} == *' ret' ]]
    diff <(echo "$want") <(show "$P/nt!NtDeviceIoControlFile/uf")
    diff <(echo "$want") <(show code/fffff803\`15842a00/uf)
    diff <(echo "$want") <(show code/nt!NtDeviceIoControlFile+0x2/uf)
}

# bats test_tags=code
@test "bytes are a dump of the function, of what is asked for, or of 64 bytes" {
    run -0 show "$P/ntdll!NtDeviceIoControlFile,ntdll!NtDeviceIoControlFile+0xa/bytes"
    [ "$output" = "00007ffa\`3dab3560  4c 8b d1 b8 07 00 00 00-0f 05 c3                 L.........." ]
    run -0 show "$P/ntdll!NtDeviceIoControlFile,l8/bytes"
    [ "$output" = "00007ffa\`3dab3560  4c 8b d1 b8 07 00 00 00                          L......." ]
    [ "$(show "$P/ntdll!NtDeviceIoControlFile/bytes" | wc -l)" = 4 ]
}

# bats test_tags=code
@test "a name that does not resolve is ENOENT" {
    local name
    for name in 'nt!NoSuchThing' 'nosuch!NtClose' nt NtClose 'nt!' '!' '+' ',' 'nt!NtClose,' \
        'nt!NtClose,l' 'nt!NtClose,l0' 'nt!NtClose,l20001' 'nt!NtClose,0x1' 'nt!NtClose+0xg' \
        0x 0x11112222333344445 'ntdll!NtClose'; do
        run -1 stat "$MNT/code/$name"
        [[ $output == *'No such file or directory' ]]
    done
    run -1 stat "$MNT/$P/ntdll!NoSuchThing"
}

# bats test_tags=code
@test "nothing is listed, and a directory has the files that fit what was asked for" {
    [ -z "$(ls "$MNT/code")$(ls "$MNT/proc/4/code")" ]
    [ "$(ls "$MNT/code/nt!NtClose")" = $'bytes\nu\nub\nuf' ]
    [ "$(ls "$MNT/code/nt!NtClose,l4")" = $'bytes\nu\nub' ]
    [ "$(ls "$MNT/code/nt!NtClose,nt!NtClose+0x4")" = $'bytes\nu' ]
}

# bats test_tags=code
@test "what is not there is its reason, at every edge of the address space" {
    local at file
    for at in 0 1 0x7fffffffffff 0x800000000000 0xffff7fffffffffff 0xfffffffffffffff0 \
        0xffffffffffffffff; do
        for file in u ub uf bytes; do
            run -0 show "code/$at/$file"
            [[ $output =~ ^\<[a-z-]+\>$ ]]
        done
    done
}

# bats test_tags=code
@test "where a page is absent a listing stops and says why" {
    local file
    # ntdll's code goes on for pages that are not all there: the first absent one is found by u.
    run -0 show "$P/ntdll!NtDeviceIoControlFile,l20000/u"
    [ "$(grep -c '<[a-z-]*>$' <<<"$output")" -le 1 ]
    file=$P/ntdll!NtDeviceIoControlFile,l20000/u
    [ "$(show "$file" | wc -c)" = "$(stat -c %s "$MNT/$file")" ]
}

# bats test_tags=code
@test "a file has its true size and the same bytes each time" {
    local file
    for file in code/nt!NtClose/u code/nt!NtClose/ub code/nt!NtClose/uf code/nt!NtClose/bytes \
        "$P/0x7ffa3dab3561,l30/ub"; do
        [ "$(stat -c %s "$MNT/$file")" = "$(show "$file" | wc -c)" ]
        cmp <(show "$file") <(show "$file")
    done
}

# bats test_tags=code
@test "a directory tells its address and where its name is known from" {
    requires getfattr
    [ "$(getfattr --only-values -n user.ntdump.address "$MNT/code/nt!NtClose")" = \
        "$(show 'symbol/nt!NtClose')" ]
    [ "$(getfattr --only-values -n user.ntdump.source "$MNT/$P/ntdll!NtClose")" = export ]
    [ "$(getfattr --only-values -n user.ntdump.source "$MNT/$P/ntdll!NtClose/u")" = export ]
    [ "$(getfattr --only-values -n user.ntdump.source "$MNT/code/nt!NtClose/uf")" = export ]
    run ! getfattr --only-values -n user.ntdump.source "$MNT/code/nt!NtClose/bytes"
}

# bats test_tags=code
@test "instructions end where objdump says that they do" {
    requires objdump
    local file=$BATS_TEST_TMPDIR/bytes name
    for name in nt!NtClose nt!NtReadFile nt!NtDeviceIoControlFile; do
        show "code/$name,l64/bytes" | cut -c 20-66 |
            perl -ne 'print pack "H*", s{[^0-9a-f]}{}gr' >"$file"
        objdump -D -b binary -m i386:x86-64 "$file" |
            sed -nE 's/^ +[0-9a-f]+:\t([0-9a-f ]+[0-9a-f]) *(\t.*)?$/\1/p' | tr -d ' ' |
            head -n 8 >"$BATS_TEST_TMPDIR/want"
        show "code/$name/u" | grep '`' | cut -d ' ' -f 2 >"$BATS_TEST_TMPDIR/got"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 8 ]
        diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"
    done
}

# bats test_tags=code
@test "a service's disasm is u of where its entry leads, without what depends on the boot" {
    run -0 show ssdt/7/disasm
    [ "${lines[0]}" = 'nt!NtDeviceIoControlFile:' ]
    [ "${#lines[@]}" = 9 ]
    [[ ${lines[1]} == "$(show ssdt/7/rva) "* ]]
    [[ $output != *'`'* ]]
    diff <(cut -c 18- <<<"$output" | grep -v -e : -e '!') \
        <(show code/nt!NtDeviceIoControlFile/u | cut -c 18- | grep -v -e : -e '!')
}
