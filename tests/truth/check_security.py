# tests/truth/check_security.py - tokens, protection and mitigations of processes against the truth.
import truth as T

LEVELS = {0x0000: "Untrusted", 0x1000: "Low", 0x2000: "Medium", 0x2100: "MediumPlus",
          0x3000: "High", 0x4000: "System", 0x5000: "Protected"}

PRIVILEGES = dict(enumerate("""SeCreateTokenPrivilege SeAssignPrimaryTokenPrivilege
SeLockMemoryPrivilege SeIncreaseQuotaPrivilege SeMachineAccountPrivilege SeTcbPrivilege
SeSecurityPrivilege SeTakeOwnershipPrivilege SeLoadDriverPrivilege SeSystemProfilePrivilege
SeSystemtimePrivilege SeProfileSingleProcessPrivilege SeIncreaseBasePriorityPrivilege
SeCreatePagefilePrivilege SeCreatePermanentPrivilege SeBackupPrivilege SeRestorePrivilege
SeShutdownPrivilege SeDebugPrivilege SeAuditPrivilege SeSystemEnvironmentPrivilege
SeChangeNotifyPrivilege SeRemoteShutdownPrivilege SeUndockPrivilege SeSyncAgentPrivilege
SeEnableDelegationPrivilege SeManageVolumePrivilege SeImpersonatePrivilege
SeCreateGlobalPrivilege SeTrustedCredManAccessPrivilege SeRelabelPrivilege
SeIncreaseWorkingSetPrivilege SeTimeZonePrivilege SeCreateSymbolicLinkPrivilege
SeDelegateSessionUserImpersonatePrivilege""".split(), 2))

ATTRIBUTES = {1: "MANDATORY", 2: "ENABLED_BY_DEFAULT", 4: "ENABLED", 8: "OWNER",
              0x10: "USE_FOR_DENY_ONLY", 0x20: "INTEGRITY", 0x40: "INTEGRITY_ENABLED",
              0x20000000: "RESOURCE", 0xC0000000: "LOGON_ID"}

SID_NAMES = {"S-1-5-18": "NT AUTHORITY\\SYSTEM", "S-1-5-19": "NT AUTHORITY\\LOCAL SERVICE",
             "S-1-5-20": "NT AUTHORITY\\NETWORK SERVICE", "S-1-1-0": "Everyone",
             "S-1-5-32-544": "BUILTIN\\Administrators", "S-1-5-32-545": "BUILTIN\\Users",
             "S-1-5-4": "NT AUTHORITY\\INTERACTIVE", "S-1-2-1": "CONSOLE LOGON",
             "S-1-5-11": "NT AUTHORITY\\Authenticated Users",
             "S-1-16-16384": "Mandatory Label\\System Mandatory Level"}

# Names by bit; bits that are left out are not set in any of the samples.
MITIGATIONS = {4: "ForceRelocateImages", 5: "HighEntropyASLREnabled",
               13: "AuditDisallowWin32kSystemCalls"}


def attributes(value):
    names = [name for mask, name in ATTRIBUTES.items() if value & mask == mask]
    return "|".join(names) or "-"


def privileges(words):
    ret = []
    for bit in range(64):
        names = [name for name, key in (("present", "present"), ("enabled", "enabled"),
                                        ("default", "default")) if words[key] >> bit & 1]
        if names:
            ret.append(f"{PRIVILEGES[bit]} {','.join(names)}")
    return ret


def many_facts(text):
    """Key -> values, in their order."""
    ret = {}
    for line in text.splitlines():
        key, _, value = line.partition(":\t")
        ret.setdefault(key, []).append(value)
    return ret


def check_sid(report, path, sid, line):
    """A line that begins with a SID and goes on with its name."""
    report.same(path, sid, line.split(" ")[0])
    if sid in SID_NAMES:
        report.same(f"{path} name", True, line[len(sid) + 1:].startswith(SID_NAMES[sid]))


def check_groups(report, path, groups, lines):
    if len(lines) == 1 and lines[0].startswith("<"):
        report.same(path, f"{len(groups)} SIDs", lines[0])
        return
    report.same(f"{path} count", len(groups), len(lines))
    for group, line in zip(groups, lines):
        check_sid(report, f"{path} SID", group["sid"], line)
        report.same(f"{path} attributes", attributes(group["attributes"]), line.split(" ")[-1])


def check_token(tree, report, path, token):
    facts = many_facts(tree.read(path))
    level = int(token["integrity_sid"].rsplit("-", 1)[1])
    expected = {
        "Token": T.va(token["address"]), "TokenId": hex(token["token_id"]),
        "LogonId": hex(token["authentication_id"]), "Session": str(token["session"]),
        "Integrity": f"{LEVELS[level]} (0x{level:04x})",
    }
    for key, value in expected.items():
        report.same(f"{path} {key}", [value], facts.get(key))
    report.same(f"{path} TokenFlags", f"0x{token['token_flags']:08x}",
                facts.get("TokenFlags", [""])[0].split(" ")[0])
    check_sid(report, f"{path} User", token["user"], facts.get("User", ["-"])[0])
    check_groups(report, f"{path} Group", token["groups"], facts.get("Group", []))
    report.same(f"{path} Privilege", privileges(token["privileges"]), facts.get("Privilege", []))
    container = facts.get("AppContainer", ["-"])[0]
    report.same(f"{path} AppContainer", token["package"] if token["appcontainer"] else "no",
                container.split(" ")[0])
    report.same(f"{path} Capability", token["capabilities"],
                [line.split(" ")[0] for line in facts.get("Capability", [])])


def check_protection(tree, report, path, process):
    facts = tree.facts(path)
    byte = process["protection"]
    name = T.protection_name(byte)
    report.same(f"{path} Level", f"0x{byte:02x}" + ("" if byte == 0 else f" {name}"),
                facts.get("Level"))
    kind, signer = byte & 7, byte >> 4
    report.same(f"{path} Type", f"{kind} PsProtectedType{T.PROTECTION_TYPES[kind]}",
                facts.get("Type"))
    report.same(f"{path} Signer", f"{signer} PsProtectedSigner{T.PROTECTION_SIGNERS[signer]}",
                facts.get("Signer"))
    report.same(f"{path} Audit", str(byte >> 3 & 1), facts.get("Audit"))


def check_mitigations(truth, tree, report, path, process):
    if truth.build["number"] < 16299 or process.get("mitigation_flags") is None:
        return
    first, second = process["mitigation_flags"]
    names = [MITIGATIONS[bit] for bit in range(32) if first >> bit & 1]
    report.same(f"{path} second word", 0, second)
    report.text(path, "".join(f"{name}\n" for name in names), tree.read(path))


def check(truth, tree, report):
    tokens = {o["address"]: o for o in truth.data.get("objects", []) if o["type"] == "Token"
              and "user" in o}
    for p in truth.processes():
        base = f"proc/{p['dir']}"
        if p["token"] in tokens:
            check_token(tree, report, f"{base}/token", tokens[p["token"]])
            report.same(f"{base}/token xattr", T.va(p["token"]),
                        tree.xattr(f"{base}/token", "user.ntdump.address"))
        check_protection(tree, report, f"{base}/protection", p)
        check_mitigations(truth, tree, report, f"{base}/mitigations", p)
        for t in truth.threads(p):
            path = f"{base}/threads/{t['tid']}/token"
            client = t.get("impersonating") or 0
            report.same(f"{path} exists", client != 0, tree.exists(path))
            if client in tokens:
                check_token(tree, report, path, tokens[client])
