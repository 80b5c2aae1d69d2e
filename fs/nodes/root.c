/*
 * fs/nodes/root.c - the root directory of the mounted tree.
 */
#include "nodes/nodes.h"
#include "nodes/norm.h"
#include "nodes/table.h"

// clang-format off
const struct node_row node_root_rows[] = {
	{ "README",    "what this is, the format number, the columns of every table", .render = render_readme },
	{ "vertarget", "version and times, in WinDbg's words",                        .render = render_vertarget },
	{ "target",    "facts of the machine and of how its kernel is understood",    .render = render_target },
	{ "dump",      "the dump file itself",                                        .rows = node_dump_rows },
	{ "listing",   "whole listings in one file each",                             .rows = node_listing_rows },
	{ "proc",      "processes",                                                   .rows = node_proc_rows },
	{ "ssdt",      "system services by number",                                   .rows = node_ssdt_rows },
	{ "win32k",    "win32k services by number",                                   .rows = node_win32k_rows },
	{ "stubs",     "system call stubs of user mode",                              .rows = node_stubs_rows },
	{ "idt",       "interrupt descriptor tables",                                 .rows = node_idt_rows },
	{ "cpu",       "processors",                                                  .rows = node_cpu_rows },
	{ "modules",   "kernel modules",                                              .rows = node_modules_rows },
	{ "drivers",   "driver objects and their devices",                            .rows = node_drivers_rows },
	{ "callbacks", "routines that drivers have registered with the kernel",       .rows = node_callbacks_rows },
	{ "object",    "the object manager's namespace: its directories and objects",     .rows = node_object_rows, .about = about_object_root },
	{ "object-at", "objects, looked up by address",                               .rows = node_object_at_rows },
	{ "alpc",      "ALPC ports, their messages, and who waits for whom",          .rows = node_alpc_rows },
	{ "job",       "job objects",                                                 .rows = node_job_rows },
	{ "silo",      "server silos and their host",                                 .rows = node_silo_rows },
	{ "session",   "terminal sessions",                                           .rows = node_session_rows },
	{ "norm",      "what can be compared between boots: no ids, no addresses, sorted", .rows = node_norm_rows },
	{ "table",     "every table in one file: for sqlite3, duckdb, pandas (tsv), jq (ndjson)", .rows = node_table_rows },
	{ "graph",     "pictures of the machine, for dot(1) of Graphviz",            .rows = node_graph_rows },
	{ "symbol",    "names and addresses, looked up by name",                      .rows = node_symbol_rows },
	{ "code",      "disassembly of kernel code, looked up by name or address",    .rows = node_code_rows },
	{ "mem",       "raw memory as sparse files (-o raw=list|hide|off)",           .rows = node_mem_rows, .flags = NODE_RAW },
	{ 0 }
};
// clang-format on
