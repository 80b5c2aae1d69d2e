# tests/tools.bats - the tools that everybody knows, over a whole mount: they end, they say what a
# plain copy of the same files says, and no file lies about its size.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt COPY=$BATS_FILE_TMPDIR/copy
    start_sample zoo-19041 "$MNT"
    timeout 60 cp -r "$MNT" "$COPY"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

# same COMMAND: it succeeds in the mount and in the copy, with the same output.
same() {
    local there here
    there=$(cd "$COPY" && timeout 50 bash -c "$1")
    here=$(cd "$MNT" && timeout 50 bash -c "$1")
    [ -n "$here" ]
    diff <(echo "$there") <(echo "$here")
}

@test "cp -r copied everything: diff -r finds no difference" {
    run -0 timeout 50 diff -r "$COPY" "$MNT"
    [ -z "$output" ]
    [ "$(find "$MNT" -type f | wc -l)" -gt 500 ]
}

@test "grep -r: all lines that name a service" { same 'grep -r NtWaitFor . | LC_ALL=C sort'; }

@test "grep -r of something that is nowhere ends with 1" {
    cd "$MNT"
    run -1 timeout 50 grep -r 'no such text anywhere' .
}

@test "rg finds what grep finds" {
    cd "$MNT"
    diff <(timeout 50 rg -uu --sort path -l csrss . | LC_ALL=C sort) \
        <(timeout 50 grep -rl csrss . | LC_ALL=C sort)
}

@test "find: names, types and sizes" { same "find . -type f -printf '%P %s\n' -o -printf '%P %y %l\n' | LC_ALL=C sort"; }

@test "find -empty and find -size see true sizes" { same 'find . -type f -size +10k | LC_ALL=C sort; find . -type f -empty | LC_ALL=C sort'; }

@test "du -b adds up the same bytes" {
    [ "$(find "$MNT" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')" = \
        "$(find "$COPY" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')" ]
    timeout 50 du -s "$MNT"
}

@test "ls -lR lists every directory" { same "ls -lR . | sed -nE 's/^-[^ ]+ +[0-9]+ [^ ]+ +[^ ]+ +([0-9]+) .* /\1 /p'"; }

@test "tar c holds the bytes of every file" {
    mkdir "$BATS_TEST_TMPDIR/out"
    timeout 50 tar c -C "$MNT" . | tar x -C "$BATS_TEST_TMPDIR/out"
    diff -r "$COPY" "$BATS_TEST_TMPDIR/out"
}

@test "tar c | wc -c: the same number every time" {
    [ "$(timeout 50 tar c -C "$MNT" . | wc -c)" = "$(timeout 50 tar c -C "$MNT" . | wc -c)" ]
}

@test "rsync -a copies it, and a second run has nothing to do" {
    timeout 50 rsync -a "$MNT/" "$BATS_TEST_TMPDIR/out"
    diff -r "$COPY" "$BATS_TEST_TMPDIR/out"
    run -0 timeout 50 rsync -a --itemize-changes "$MNT/" "$BATS_TEST_TMPDIR/out"
    [ -z "$output" ]
}

@test "every file: st_size is what wc -c counts, and reading twice gives the same bytes" {
    python3 tests/truth/laws.py sizes "$MNT"
}

@test "every directory: what ls lists can be looked up, and what a walk finds is listed" {
    python3 tests/truth/laws.py names "$MNT"
}

@test "every text is UTF-8, ends with a newline, and holds no control character" {
    python3 tests/truth/laws.py text "$MNT"
}

@test "tables have a fixed number of columns and are in order" {
    python3 tests/truth/laws.py tables "$MNT"
}

@test "modes, owner, links and inode numbers" { python3 tests/truth/laws.py metadata "$MNT"; }

@test "python's mmap, shutil and sendfile work" {
    python3 - "$MNT/proc/list" "$BATS_TEST_TMPDIR/copy" <<'END'
import mmap, os, shutil, sys
path, copy = sys.argv[1:]
whole = open(path, "rb").read()
with open(path, "rb") as file:
    assert mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:] == whole
shutil.copyfile(path, copy)
assert open(copy, "rb").read() == whole
END
}

@test "nothing can be written" {
    run -1 touch "$MNT/new"
    [[ $output == *'Read-only file system'* ]]
    run -1 rm -f "$MNT/vertarget"
    [[ $output == *'Read-only file system'* ]]
    run -1 bash -c "echo x >'$MNT/vertarget'"
    [[ $output == *'Read-only file system'* ]]
}

@test "what does not exist is ENOENT" {
    run -1 --separate-stderr cat "$MNT/proc/999999/status"
    [[ $stderr == *'No such file or directory' ]]
    run -1 --separate-stderr cat "$MNT/modules/nosuch.sys/base"
    [[ $stderr == *'No such file or directory' ]]
}

@test "four walks at once read what one walk reads" {
    local i one pids=()
    one=$(cd "$COPY" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum)
    for i in 1 2 3 4; do
        (cd "$MNT" && find . -type f -print0 | LC_ALL=C sort -z | timeout 50 xargs -0 cat | sha256sum) \
            >"$BATS_TEST_TMPDIR/$i" &
        pids+=($!)
    done
    wait "${pids[@]}"
    for i in 1 2 3 4; do
        [ "$(cat "$BATS_TEST_TMPDIR/$i")" = "$one" ]
    done
}

@test "the mount still ends cleanly after all this" {
    unmount_dump "$MNT"
}
