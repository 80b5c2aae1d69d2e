# tests/drivers.bats - driver objects, registered callbacks, segments of the processors. The values
# are compared with the truth files by truth.bats and corpus.bats.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample tampered "$MNT"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

major='IRP_MJ_[A-Z_]+'

@test "each driver has a row and a file, with all 28 major functions" {
    local name
    [ "$(cut -f1 "$MNT/drivers/list")" = "$(find "$MNT/drivers" -type f ! -name list -printf '%f\n' | LC_ALL=C sort)" ]
    while IFS= read -r name; do
        [ "$(grep -cE "^$major:"$'\t' "$MNT/drivers/$name")" = 28 ]
    done < <(cut -f1 "$MNT/drivers/list")
    run -0 grep -E $'^Null\t0x[0-9a-f]{16}\t0x[0-9a-f]{16}\t[0-9]+\tNull.SYS\t1\t1$' "$MNT/drivers/list"
    [ "$(getfattr --only-values -n user.ntdump.address "$MNT/drivers/Null")" = \
        "$(sed -n 's/^Object:\t//p' "$MNT/drivers/Null")" ]
}

@test "the hooked major function is FOREIGN, and no other one" {
    run -0 grep -rE "^$major:"$'\tFOREIGN ' "$MNT/drivers"
    [ "${#lines[@]}" = 1 ]
    [[ ${lines[0]} == "$MNT/drivers/Null:IRP_MJ_READ:"$'\t'"FOREIGN rkhook+0x1918 (0x"*")" ]]
    [ "$(awk -F'\t' '$6 > 0 { print $1 }' "$MNT/drivers/list")" = Null ]
}

@test "a driver that is in no directory is found by its device; one without a listed image says so" {
    grep -xF $'Source:\tdevices UNLISTED' "$MNT/drivers/rkhook"
    grep -E $'^Device:\t.* \\\\Device\\\\Null type 0x7 < 0x[0-9a-f]{16} rkhook$' "$MNT/drivers/Null"
    run ! grep -r UNLISTED "$MNT/drivers/Null" "$MNT/drivers/volmgr" "$MNT/drivers/PnpManager"
    grep -xF $'Module:\tUNLISTED' "$MNT/drivers/ghost"
    run -0 grep DRIVER_OBJECT.DriverStart "$MNT/dump/warnings"
    [ "${#lines[@]}" = 1 ]
}

@test "drivers that a port or class driver serves are not accused" {
    [ "$(grep -cE "^$major:"$'\tport storport' "$MNT/drivers/storahci")" = 7 ]
    [ "$(grep -cE "^$major:"$'\tport CLASSPNP' "$MNT/drivers/disk")" = 7 ]
    grep -xF $'Foreign:\t0' "$MNT/drivers/storahci"
    grep -xF $'Foreign:\t0' "$MNT/drivers/PnpManager"
}

@test "callbacks: the one in memory of no module is FOREIGN" {
    run -0 grep -rw FOREIGN "$MNT/callbacks"
    [ "${#lines[@]}" = 1 ]
    [[ ${lines[0]} == "$MNT/callbacks/process:7"$'\t'* ]]
    run -0 cut -f4,6 "$MNT/callbacks/registry"
    [ "$output" = $'WdFilter+0x1918\t328010' ]
    run -0 cut -f1,4,6 "$MNT/callbacks/object"
    [ "$output" = $'0\tWdFilter+0x1920\tProcess pre CREATE|DUPLICATE
1\tWdFilter+0x1928\tThread pre CREATE
1\tWdFilter+0x1930\tThread post CREATE' ]
    [ "$(cat "$MNT/callbacks/lastshutdown")" = "" ]
}

@test "callbacks: where the kernel's symbols are not known, that is said" {
    local mnt=$BATS_TEST_TMPDIR/mnt kind
    start_sample article-active "$mnt"
    for kind in process thread image registry bugcheck bugcheckreason shutdown lastshutdown filesystem; do
        [ "$(cat "$mnt/callbacks/$kind")" = "<no-symbols>" ]
    done
    [ "$(wc -l <"$mnt/callbacks/object")" = 3 ] # found through the types
    unmount_dump "$mnt"
}

@test "nobody is accused in a machine where nothing is wrong" {
    local mnt=$BATS_TEST_TMPDIR/mnt name
    for name in zoo-19041 zoo-10240 article-active la57 loops; do
        start_sample "$name" "$mnt"
        [ "$(wc -l <"$mnt/drivers/list")" -gt 5 ]
        run ! grep -rE 'FOREIGN|UNLISTED' "$mnt/drivers" "$mnt/callbacks"
        run ! grep -E 'DRIVER_OBJECT|DEVICE_OBJECT' "$mnt/dump/warnings"
        unmount_dump "$mnt"
    done
}

# bats test_tags=corpus
@test "nobody is accused in the dumps of the corpus, but in the one that was tampered with" {
    requires_corpus
    local mnt=$BATS_TEST_TMPDIR/mnt dump status mounted=0 tampered=0
    for dump in "$NTDUMPFS_CORPUS"/*.dmp; do
        start "$dump" "$mnt" 2>/dev/null || continue # one is flattened, and refused
        mounted=$((mounted + 1)) status=0
        timeout 60 grep -rhE 'FOREIGN|UNLISTED' "$mnt/drivers" "$mnt/callbacks" >"$BATS_TEST_TMPDIR/accused" || status=$?
        [ "$status" -le 1 ] # found, or nothing found
        unmount_dump "$mnt"
        if [[ $dump == */tampered* ]]; then
            tampered=$((tampered + 1))
            [ "$(grep -c FOREIGN "$BATS_TEST_TMPDIR/accused")" = 1 ]
        else
            echo "$dump" && cat "$BATS_TEST_TMPDIR/accused"
            [ ! -s "$BATS_TEST_TMPDIR/accused" ]
        fi
    done
    echo "$mounted mounted, $tampered tampered with"
    [ "$mounted" -ge 20 ]
    [ "$tampered" = 1 ]
}

@test "segments and interrupt stacks of each processor" {
    grep -E $'^0x0010\t0x0{16}\t0x[0-9a-f]+\tcode-re-ac\t0\tyes\tyes$' "$MNT/cpu/0/gdt"
    grep -E $'^0x0040\t0x[0-9a-f]{16}\t0x67\ttss64-busy\t0\tyes\tno$' "$MNT/cpu/1/gdt"
    [ "$(grep $'^0x0040\t' "$MNT/cpu/1/gdt" | cut -f2)" = "$(sed -n 's/^TssBase:\t//p' "$MNT/cpu/1/pcr")" ]
    [ "$(grep -cE $'^(Rsp0|Ist[1-7]):\t0x' "$MNT/cpu/1/tss")" = 8 ]
}

# What is impossible ends, accuses nobody of what cannot be known, and is told where it matters.
@test "broken drivers, devices and tables can be read to the end" {
    local mnt=$BATS_TEST_TMPDIR/mnt name folder=$BATS_TEST_TMPDIR
    local -a names
    python3 tests/fixtures/damage.py --list - | sed -nE 's/^((driver|device|callbacks|gdt|tss)-[^\t]*)\.dmp\t.*/\1/p' >"$folder/names"
    [ "$(wc -l <"$folder/names")" -gt 20 ]
    mapfile -t names <"$folder/names"
    python3 tests/fixtures/damage.py "$(sample article-active)" "$folder/broken" "${names[@]}"
    while IFS= read -r name; do
        echo "$name"
        start "$folder/broken/$name.dmp" "$mnt"
        timeout 20 cat "$mnt"/drivers/* "$mnt"/callbacks/* "$mnt"/cpu/*/{gdt,tss} >"$folder/$name.out"
        timeout 20 cat "$mnt/dump/warnings" >"$folder/$name.warnings"
        unmount_dump "$mnt"
        [ "$(grep -c $'^Object:\t' "$folder/$name.out")" -gt 5 ]
    done <"$folder/names"
    [ "$(grep -cE $'^Null(~2)?\t' "$folder/driver-name-same.out")" = 2 ]
    grep -E $'DRIVER_OBJECT.DeviceObject\t.*list loops' "$folder/device-next-itself.warnings"
    grep -E $'DRIVER_OBJECT.DeviceObject\t.*list loops' "$folder/device-next-two.warnings"
    grep -E $'DEVICE_OBJECT.AttachedDevice\t.*list loops' "$folder/device-attached-itself.warnings"
    grep -E $'DEVICE_OBJECT.AttachedDevice\t.*list loops' "$folder/device-attached-two.warnings"
    grep -E $'DRIVER_OBJECT.DeviceObject\t.*leads nowhere' "$folder/driver-device-user.warnings"
    grep -E $'DEVICE_OBJECT.DriverObject\t.*leads nowhere' "$folder/device-driver-itself.warnings"
    grep -E $'OBJECT_TYPE.CallbackList\t.*list loops' "$folder/callbacks-object-loop.warnings"
    [ "$(grep -c $'^IRP_MJ_.*\tFOREIGN 0x' "$folder/driver-majors-user.out")" = 28 ]
    [ "$(grep -c $'^IRP_MJ_.*\t<invalid>$' "$folder/driver-majors-zero.out")" = 28 ]
    grep -xF '<unmapped>' "$folder/gdt-unmapped.out"
}

@test "an altitude that is no number is not one" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    python3 tests/fixtures/damage.py "$(sample tampered)" "$BATS_TEST_TMPDIR" callbacks-altitude-long
    start "$BATS_TEST_TMPDIR/callbacks-altitude-long.dmp" "$mnt"
    [ "$(cut -f6 "$mnt/callbacks/registry")" = '<invalid>' ]
}
