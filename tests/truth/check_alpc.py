# tests/truth/check_alpc.py - /alpc and the alpc files of processes and threads against the truth.
import truth as T

RECEIVED = ("PendingQueue", "CanceledQueue")  # all other queues wait for a receiver
LENGTHS = ("MainQueue", "LargeMessageQueue", "PendingQueue", "CanceledQueue")


class Ports:
    """The ports of the truth file, and what each is to the others."""

    def __init__(self, truth):
        self.by_address = {p["address"]: p for p in truth.data.get("alpc_ports", [])}
        self.unqueued = truth.data.get("alpc_unqueued", [])
        self.connection, self.peer = {}, {}
        # Of two processes with one pid the first is meant: the other got it by damage.
        self.processes = {p["pid"]: p for p in reversed(truth.data["processes"])}
        self.threads = {t["ethread"]: t for p in truth.data["processes"] for t in p["threads"]}
        for port in self.by_address.values():
            if port["kind"] == "connection":
                self.add_clients(port)

    def add_clients(self, port):
        self.connection[port["address"]] = port
        for client in port["clients"]:
            server, other = client["server_port"], client["client_port"]
            self.connection[server] = self.connection[other] = port
            self.peer[server], self.peer[other] = other or None, server or port["address"]

    def name(self, port):
        name = port["name"] or self.connection.get(port["address"], {}).get("name")
        return T.escape(name) if name else "-"

    def process(self, pid):
        if pid is None:
            return ["-", "-"]
        return [str(pid), T.escape(T.short_name(self.processes[pid]))]

    def process_text(self, pid):
        if pid is None:
            return "-"
        return f"{T.va(self.processes[pid]['eprocess'])} {' '.join(self.process(pid))}"

    def owner(self, address):
        port = self.by_address.get(address)
        return self.process(port["owner_pid"] if port else None)

    def lengths(self, port):
        """Messages that nobody has received, and those that are being worked on."""
        queues = [m["queue"] for m in port["messages"]]
        return [str(sum(q not in RECEIVED for q in queues)), str(queues.count("PendingQueue"))]

    def row(self, port, of_peer):
        address = self.peer.get(port["address"]) if of_peer else port["address"]
        return ([T.va(port["address"]), port["kind"]] + self.owner(address) +
                [self.name(port)] + self.lengths(port))

    def waits(self):
        """client-pid client-tid server-pid server-tid port name."""
        ret = []
        messages = [(p, m) for p in self.by_address.values() for m in p["messages"]]
        messages += [(self.by_address[m["owner_port"]], m) for m in self.unqueued]
        for port, message in messages:
            if not message["waiting_thread"]:
                continue
            client = self.threads[message["waiting_thread"]]
            server = self.threads.get(message["server_thread"])
            connection = self.connection[port["address"]]
            ret.append([str(client["pid"]), str(client["tid"]),
                        str(server["pid"] if server else self.receiver(port, message)),
                        str(server["tid"]) if server else "-",
                        T.va(connection["address"]), self.name(connection)])
        return sorted(ret, key=lambda row: (int(row[0]), int(row[1])))

    def receiver(self, port, message):
        if message["queue"] and message["queue"] not in RECEIVED:
            return port["owner_pid"]
        return self.by_address[self.peer[message["owner_port"]]]["owner_pid"]


def rows(tree, report, path, expected):
    """A table whose rows begin with their keys."""
    got = tree.table(path)
    report.same(f"{path} rows", [row[:1] for row in expected], [row[:1] for row in got])
    found = {row[0]: row for row in got}
    for row in expected:
        report.same(f"{path} {row[0]}", row, found.get(row[0]))


def lines(tree, path, key):
    """The values of a fact that may come more than once."""
    return [line.partition(":\t")[2] for line in tree.read(path).splitlines()
            if line.startswith(f"{key}:\t")]


def message_facts(line):
    """"0x... queue=MainQueue id=1 ..." as a dictionary."""
    address, _, rest = line.partition(" ")
    ret = dict(part.partition("=")[::2] for part in rest.split(" "))
    ret["address"] = address
    return ret


def thread_text(ports, ethread):
    t = ports.threads.get(ethread)
    return f"{t['pid']}.{t['tid']}" if t else "-"


def check_message(ports, report, path, message, line):
    got = message_facts(line)
    expected = {
        "address": T.va(message["address"]), "queue": message["queue"],
        "id": str(message["message_id"]), "data": str(message["data_length"]),
        "sender": f"{message['sender_pid']}.{message['sender_tid']}",
        "owner-port": T.va(message["owner_port"]),
        "waiting": thread_text(ports, message["waiting_thread"]),
        "server": thread_text(ports, message["server_thread"]),
    }
    for key, value in expected.items():
        report.same(f"{path} {T.va(message['address'])} {key}", value, got.get(key))
    for key in ("type", "sequence", "total"):  # our own builder says these as well
        if key in message:
            report.same(f"{path} {T.va(message['address'])} {key}", str(message[key]),
                        got.get(key))


def check_queues(ports, tree, report, base, port):
    facts = tree.facts(base)
    for queue in LENGTHS:
        count = sum(m["queue"] == queue for m in port["messages"])
        report.same(f"{base} {queue}", str(count), facts.get(queue))
    report.same(f"{base} WaitQueue", str(len(port["waiting_threads"])), facts.get("WaitQueue"))
    got = lines(tree, base, "Message")
    if report.same(f"{base} messages", len(port["messages"]), len(got)):
        order = {T.va(m["address"]): m for m in port["messages"]}
        for line in got:
            message = order.get(line.partition(" ")[0])
            if message:
                check_message(ports, report, base, message, line)
            else:
                report.same(f"{base} message", sorted(order), line)
    receivers = [f"{T.va(t)} {ports.threads[t]['pid']} {ports.threads[t]['tid']}"
                 for t in port["waiting_threads"]]
    report.same(f"{base} receivers", receivers, lines(tree, base, "Receiver"))


def client_text(ports, client):
    def address(key):
        return T.va(client[key]) if client[key] else "-"
    pid, image = ports.owner(client["client_port"])
    return (f"{T.va(client['info'])} server={address('server_port')} "
            f"client={address('client_port')} {pid} {image}")


def check_port(ports, tree, report, port):
    base = f"alpc/{T.va(port['address'])}"
    facts = tree.facts(base)
    peer = ports.peer.get(port["address"])
    expected = {
        "Port": T.va(port["address"]), "Kind": port["kind"], "Name": ports.name(port),
        "OwnerProcess": ports.process_text(port["owner_pid"]),
        "CommunicationInfo": T.va(port["communication_info"]),
        "PeerPort": T.va(peer) if peer else "-",
        "PeerProcess": ports.process_text(ports.by_address[peer]["owner_pid"]) if peer else "-",
        "ConnectionPort": T.va(ports.connection[port["address"]]["address"]),
    }
    for key, value in expected.items():
        report.same(f"{base} {key}", value, facts.get(key))
    if port["kind"] == "connection":
        report.same(f"{base} clients", [client_text(ports, c) for c in port["clients"]],
                    lines(tree, base, "Client"))
    check_queues(ports, tree, report, base, port)
    report.same(f"{base} address", T.va(port["address"]), tree.xattr(base, "user.ntdump.address"))
    for source in port.get("sources", []):
        report.same(f"{base} source {source}", True, source in facts.get("Source", "").split(","))


def check_thread(ports, tree, report, base, thread):
    facts = tree.facts(base)
    waits = {row[1]: row for row in ports.waits() if row[0] == str(thread["pid"])}
    row = waits.get(str(thread["tid"]))
    report.same(f"{base} WaitsFor", f"{row[2]} {row[3]} {row[5]}" if row else "-",
                facts.get("WaitsFor", "").replace(" deadlock", ""))
    held = sorted(T.va(m["address"]) for p in ports.by_address.values() for m in p["messages"]
                  if m["server_thread"] == thread["ethread"])
    report.same(f"{base} holds", held,
                sorted(line.partition(" ")[0] for line in lines(tree, base, "Holds")))
    receives = [T.va(a) + " " + ports.name(p) for a, p in sorted(ports.by_address.items())
                if thread["ethread"] in p["waiting_threads"]]
    report.same(f"{base} receives", receives, lines(tree, base, "Receives"))
    if thread.get("alpc_message"):
        report.same(f"{base} Message", T.va(thread["alpc_message"]),
                    facts.get("Message", "").partition(" ")[0])
    if thread.get("alpc_port"):
        report.same(f"{base} alpc_port", [T.va(thread["alpc_port"])],
                    [line.partition(" ")[0] for line in receives])


def check(truth, tree, report):
    if truth.triage or "alpc_ports" not in truth.data:
        return
    ports = Ports(truth)
    order = sorted(ports.by_address.values(), key=lambda p: p["address"])
    rows(tree, report, "alpc/list", [ports.row(p, False) for p in order])
    report.same("alpc names", sorted(["list", "waits"] + [T.va(p["address"]) for p in order]),
                tree.names("alpc"))
    report.same("alpc/waits", ports.waits(), tree.table("alpc/waits"))
    for port in order:
        check_port(ports, tree, report, port)
    for process in truth.processes():
        base = f"proc/{process['dir']}"
        own = [p for p in order if ports.processes.get(p["owner_pid"]) is process]
        rows(tree, report, f"{base}/alpc", [ports.row(p, True) for p in own])
        for thread in truth.threads(process):
            check_thread(ports, tree, report, f"{base}/threads/{thread['tid']}/alpc", thread)
