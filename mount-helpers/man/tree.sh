#!/bin/sh
# mount-helpers/man/tree.sh NTDUMPFS - writes ntdumpfs(5): the mounted tree, from the tables that make it.
set -eu

cat <<'PAGE'
.TH NTDUMPFS 5 "" "ntdumpfs" "File Formats"
.SH NAME
ntdumpfs \- the tree of a mounted Windows kernel crash dump
.SH DESCRIPTION
What
.BR ntdumpfs (8)
mounts. A name in angle brackets stands for many: a process id, a handle, an address.
.PP
Text is UTF-8. A file holds one value, or lines
.RI \(dq Key : TAB value \(dq,
or a table: one record a line, TAB between the columns, no header line. An address is 0x and 16 hex digits
everywhere. What is not listed can be opened by its name.
.PP
A value that cannot be read says why:
.BR <not-in-dump> ,
.BR <paged-out> ,
.BR <unmapped> ,
.BR <invalid> ,
.BR <no-symbols> ,
.BR <not-in-this-build> .
A single
.B \-
means that there is none.
.SH FILES
PAGE
# A path is a tagged paragraph; what troff would take for its own is escaped.
"$1" --tree | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' |
    awk -F '\t' '{
        kind = $2 == "file" ? "" : " (" $2 ")"
        text = $3
        sub(/^[.\047]/, "\\\\\\&&", text)
        printf ".TP\n.B %s\n%s%s\n", $1, text, kind
    }'
cat <<'PAGE'
.SH EXTENDED ATTRIBUTES
.TP
.B user.ntdump.address
Where the object is that the file or directory shows.
.TP
.B user.ntdump.type
Its type.
.TP
.B user.ntdump.source
Where names and numbers come from: pdb, isf, profile, export, stub.
.SH SEE ALSO
.BR ntdumpfs (8)
PAGE
