# tests/alpc.bats - ALPC ports, their messages, and who waits for whom. Values are compared with the
# truth files by truth.bats and corpus.bats; here is what follows from them, and what is broken.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample article-active "$MNT"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

port_of() { # PID KIND
    awk -F'\t' -v pid="$1" -v kind="$2" '$2 == kind && $3 == pid { print $1; exit }' "$MNT/alpc/list"
}

@test "each port has a row and a file, sorted by address, and knows its address and type" {
    local port
    cut -f1 "$MNT/alpc/list" >"$BATS_TEST_TMPDIR/ports"
    LC_ALL=C sort -cu "$BATS_TEST_TMPDIR/ports"
    diff "$BATS_TEST_TMPDIR/ports" <(find "$MNT/alpc" -type f -name '0x*' -printf '%f\n' | LC_ALL=C sort)
    port=$(head -n 1 "$BATS_TEST_TMPDIR/ports")
    [ "$(getfattr --only-values -n user.ntdump.address "$MNT/alpc/$port")" = "$port" ]
    [ "$(getfattr --only-values -n user.ntdump.type "$MNT/alpc/$port")" = "ALPC Port" ]
    [ "$(cut -f2 "$MNT/alpc/list" | sort -u | tr '\n' ' ')" = "client connection server " ]
}

@test "a port is found by its address in other spellings; other addresses are no ports" {
    local port
    port=$(cut -f1 "$MNT/alpc/list" | head -n 1)
    diff "$MNT/alpc/$port" "$MNT/alpc/${port#0x}"
    run ! cat "$MNT/alpc/0xffffe000deadbee0"
}

@test "the ports of all processes are those of the list that have an owner" {
    diff <(awk -F'\t' '$3 != "-" { print $1 }' "$MNT/alpc/list") \
        <(cat "$MNT"/proc/*/alpc | cut -f1 | LC_ALL=C sort)
}

@test "an unnamed port is shown with its connection port's name, one without either as -" {
    grep -E $'^0x[0-9a-f]+\tclient\t4612\texplorer.exe\t\\\\Sessions\\\\2\\\\Windows\\\\ApiPort\t0\t0$' "$MNT/alpc/list"
    grep -E $'^0x[0-9a-f]+\tconnection\t-\t-\t-\t0\t0$' "$MNT/alpc/list"
}

@test "both ends of a connection name each other; the client that is gone is -" {
    local client server
    client=$(port_of 4612 client)
    server=$(sed -n 's/^PeerPort:\t//p' "$MNT/alpc/$client")
    [ "$(sed -n 's/^PeerPort:\t//p' "$MNT/alpc/$server")" = "$client" ]
    grep -E $'^PeerProcess:\t0x[0-9a-f]{16} 136 csrss.exe$' "$MNT/alpc/$client"
    grep -E $'^Client:\t0x[0-9a-f]{16} server=0x[0-9a-f]{16} client=- - -$' "$MNT/alpc/$(port_of 136 connection)"
}

@test "queues: what they hold, in which state, and who would receive it" {
    local port
    port=$MNT/alpc/$(port_of 136 connection)
    grep -xF $'LargeMessageQueue:\t1' "$port"
    grep -E $'^Message:\t0x[0-9a-f]+ queue=CanceledQueue .* state=0x84,Canceled$' "$port"
    [ "$(grep -c ^Receiver: "$port")" = 4 ]
}

@test "waits: who waits for whom, down to the process that has not received the request" {
    local pid tid rest server
    run -0 cut -f3,4,6 "$MNT/alpc/waits"
    [ "$output" = $'216\t-\t\\RPC Control\\lsapolicylookup
136\t144\t\\Sessions\\2\\Windows\\ApiPort
136\t-\t\\Sessions\\2\\Windows\\ApiPort' ]
    while IFS=$'\t' read -r pid tid server rest; do
        [ "$(sed -n '/^WaitsFor:/ { s/^WaitsFor:\t\([0-9]*\) .*/\1/p; q }' "$MNT/proc/$pid/threads/$tid/alpc")" = "$server" ]
    done <"$MNT/alpc/waits"
    [ "$(grep -c ^WaitsFor: "$MNT"/proc/452/threads/*/alpc | grep -c :2)" = 1 ]
    run -0 grep -h ^Holds: -r "$MNT/proc/136/threads/144"
    [[ $output == *"queue=PendingQueue"*" waiting=452."*" server=136.144 "* ]]
}

@test "where everything fits together nothing is said in the warnings" {
    local mnt=$BATS_TEST_TMPDIR/mnt name
    run ! grep ALPC "$MNT/dump/warnings"
    for name in zoo-19041 zoo-10240 la57; do
        start_sample "$name" "$mnt"
        run ! grep -E 'ALPC|Alpc' "$mnt/dump/warnings"
        unmount_dump "$mnt"
    done
}

# broken NAME [PATTERN]: mount the variant; a line of the warnings has the pattern, all ports are there.
broken() {
    local mnt=$BATS_TEST_TMPDIR/mnt folder=$BATS_TEST_TMPDIR/broken
    echo "$1"
    python3 tests/fixtures/damage.py "$(sample article-active)" "$folder" "$1"
    start "$folder/$1.dmp" "$mnt"
    timeout 20 find "$mnt/alpc" "$mnt"/proc/*/alpc -type f -exec cat {} + >"$BATS_TEST_TMPDIR/out"
    [ -z "${2:-}" ] || timeout 20 grep -E "$2" "$mnt/dump/warnings"
    [ "$(wc -l <"$mnt/alpc/list")" = 10 ]
    cp "$mnt/alpc/list" "$mnt/alpc/waits" "$BATS_TEST_TMPDIR"
    cat "$mnt"/proc/*/threads/*/alpc >"$BATS_TEST_TMPDIR/threads"
    unmount_dump "$mnt"
}

@test "broken lists of ports: none is lost, and it is said where" {
    broken port-list-loop 'PortListEntry.*list loops'
    broken port-list-unmapped 'PortListEntry.*cannot be read <unmapped>'
    broken port-list-user 'PortListEntry.*leads nowhere'
    broken port-list-thread 'PortListEntry.*pointer leads nowhere'
    broken port-unlisted 'AlpcpPortList.*not on the list'
}

@test "a port whose peer points back wrong, and other lies about connections" {
    local list=$BATS_TEST_TMPDIR/list
    broken port-info-other 'ALPC_PORT.CommunicationInfo.*does not point back'
    [ "$(grep -c '<invalid>' "$list")" = 1 ]
    broken port-peer-other 'ClientCommunicationPort.*does not point back'
    broken port-peer-thread 'ClientCommunicationPort.*pointer leads nowhere'
    broken port-connection-client 'ALPC_PORT.CommunicationInfo.*does not point back'
    broken port-info-unmapped 'ALPC_PORT.CommunicationInfo.*pointer leads nowhere'
    broken port-info-user 'ALPC_PORT.CommunicationInfo.*pointer leads nowhere'
    broken port-owner-thread 'ALPC_PORT.OwnerProcess.*pointer leads nowhere'
    [ "$(grep -c $'\t<invalid>\t<invalid>\t' "$list")" = 1 ]
    broken port-clients-loop 'CommunicationList.*list loops'
    broken port-clients-cross 'CommunicationList.*list loops'
}

@test "broken queues and messages" {
    local waits=$BATS_TEST_TMPDIR/waits
    broken port-queue-loop 'ALPC_PORT.MainQueue.*list loops'
    broken port-queue-shared 'ALPC_PORT.MainQueue.*does not point back'
    broken port-queue-count $'MainQueueLength\t.*\t4294967295\t1\tcounter disagrees'
    broken port-waiters 'ALPC_PORT.WaitQueue.*pointer leads nowhere'
    broken message-waiting-port 'KALPC_MESSAGE.WaitingThread.*pointer leads nowhere'
    [ "$(wc -l <"$waits")" = 2 ]
    broken message-waiting-other 'KALPC_MESSAGE.WaitingThread.*does not point back'
    broken message-owner-unmapped 'KALPC_MESSAGE.OwnerPort.*pointer leads nowhere'
    broken message-server-user 'KALPC_MESSAGE.ServerThread.*pointer leads nowhere'
    [ "$(grep -c $'^452\t[0-9]*\t136\t<invalid>\t' "$waits")" = 1 ]
}

@test "threads that wait for each other are a deadlock, and the chain ends there" {
    broken message-deadlock
    [ "$(grep -c 'WaitsFor:.* deadlock$' "$BATS_TEST_TMPDIR/threads")" = 2 ]
    broken message-itself
    [ "$(grep -c 'WaitsFor:.* deadlock$' "$BATS_TEST_TMPDIR/threads")" = 1 ]
}
