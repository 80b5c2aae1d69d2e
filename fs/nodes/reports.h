/*
 * fs/nodes/reports.h - files that look at the whole dump: /dump/coverage, /dump/missing and
 * /dump/warnings. Costly, so rendered only when they are opened.
 */
#ifndef FS_REPORTS_H
#define FS_REPORTS_H

#include "nodes/nodes.h"

enum nd_status render_coverage(struct text *out, const struct node_at *at);
enum nd_status render_process_coverage(struct text *out, const struct node_at *at);
enum nd_status render_missing(struct text *out, const struct node_at *at);
enum nd_status render_warnings(struct text *out, const struct node_at *at);

#endif
