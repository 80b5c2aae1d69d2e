/*
 * engine/nt/service_data.h - built-in lists of system call numbers by build.
 */
#ifndef ND_NT_SERVICE_DATA_H
#define ND_NT_SERVICE_DATA_H

#include <stdint.h>

struct nd_service_names {
	uint32_t build; /* 0 ends the table */
	uint32_t first; /* number of name[0]: 0 for nt, 4096 for win32k */
	uint32_t count;
	const uint16_t *name; /* into nd_service_name_text; 0xffff: none */
};

extern const char *const nd_service_name_text[];
extern const struct nd_service_names nd_service_names[];

#endif
