/*
 * fs/nodes/norm.h - what the files of /norm share.
 */
#ifndef FS_NORM_H
#define FS_NORM_H

#include "nodes/nodes.h"

extern const struct node_row node_norm_rows[]; /* norm.c */

/* /norm/proc/<...>/status: norm_status.c */
enum nd_status render_norm_status(struct text *out, const struct node_at *at);

#endif
