/*
 * engine/nt/driver.h - driver objects: what they say of themselves, where their 28 major functions
 * lead, their devices; and the list of all drivers, from sources that do not need each other.
 */
#ifndef ND_NT_DRIVER_H
#define ND_NT_DRIVER_H

#include "ntdump.h"
#include "nt/module.h"
#include "nt/problem.h"
#include "sym/rec.h"

#define ND_MAJOR_FUNCTIONS 28u
#define ND_DRIVERS_MAX 8192u
#define ND_DRIVER_DEVICES_MAX 2048u
#define ND_DEVICE_STACK_MAX 32u

/* Who knows a driver object. */
enum nd_driver_source {
	ND_DRIVER_NAMESPACE = 1, /* a directory of the object manager holds it */
	ND_DRIVER_DEVICE = 2,	 /* a device of the namespace, or one stacked on it, is its */
	ND_DRIVER_HANDLE = 4,	 /* a handle to it, to a device of it, or to a file on one */
};

struct nd_driver {
	nd_va at;
	struct nd_u64 device, flags, start, size, section, init, start_io, unload, fast_io;
	struct nd_u64 major[ND_MAJOR_FUNCTIONS];
	struct nd_ustr name;	    /* DriverName: \Driver\Null */
	struct nd_ustr service_key; /* DriverExtension.ServiceKeyName */
};

/*
 * ND_OK when the first byte of the object is there; members speak for themselves. ND_INVALID: no
 * kernel address; ND_ENOMEM, ND_EIO. Free with nd_driver_free().
 */
enum nd_status nd_driver_read(const struct nd_dump *dump, nd_va at, struct nd_driver *ret);
void nd_driver_free(struct nd_driver *driver);

/* Whose code an entry of a driver leads to. */
enum nd_code_owner {
	ND_CODE_UNKNOWN, /* cannot be told: the entry, or the list of modules, cannot be read */
	ND_CODE_OWN,	 /* the driver's image */
	ND_CODE_KERNEL,	 /* the kernel or the HAL */
	ND_CODE_PORT,	 /* a port or class driver, or a framework, that serves other drivers */
	ND_CODE_FOREIGN, /* another module; or none, where the list of modules is whole */
};

/*
 * *ret_module (may be NULL): the module that holds the code, NULL for none. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_driver_code(const struct nd_dump *dump, const struct nd_driver *driver,
			      struct nd_u64 code, enum nd_code_owner *ret,
			      const struct nd_module **ret_module);
/* How many of the driver's major functions are ND_CODE_FOREIGN. */
enum nd_status nd_driver_foreign(const struct nd_dump *dump, const struct nd_driver *driver,
				 uint32_t *ret);
/*
 * The module at DriverStart; at DriverInit for drivers that the kernel makes itself, which have no
 * DriverStart. NULL: there is none; *ret_whole: then the list of modules is whole.
 */
enum nd_status nd_driver_module(const struct nd_dump *dump, const struct nd_driver *driver,
				const struct nd_module **ret, bool *ret_whole);

/* "DRVO_INITIALIZED", ...; NULL for a bit without a name. */
const char *nd_driver_flag_name(unsigned bit);

/* --- devices ---------------------------------------------------------------------------------- */

struct nd_device {
	nd_va at;
	struct nd_u64 driver, next, attached, type, flags;
};

/* Members speak for themselves; so does an address that cannot be one. */
struct nd_device nd_device_read(const struct nd_dump *dump, nd_va at);

struct nd_device_list {
	struct nd_device *device; /* in the order of the chain; owned */
	uint32_t count;
	enum nd_status st; /* ND_OK: the chain ended; else why it cannot be followed */
	nd_va at;
};

/*
 * The devices of a driver: DeviceObject and NextDevice. A chain that breaks, comes round or does
 * not end is told to `problems` (may be NULL). ND_ENOMEM, ND_EIO. Free with nd_device_list_free().
 */
enum nd_status nd_driver_devices(const struct nd_dump *dump, const struct nd_driver *driver,
				 struct nd_problems *problems, struct nd_device_list *ret);
/* The devices stacked on `device`, which is not among them: AttachedDevice; the same. */
enum nd_status nd_device_stack(const struct nd_dump *dump, const struct nd_device *device,
			       struct nd_problems *problems, struct nd_device_list *ret);
void nd_device_list_free(struct nd_device_list *list);

/* --- all drivers ------------------------------------------------------------------------------ */

struct nd_driver_ref {
	nd_va driver;
	unsigned sources;    /* ND_DRIVER_* */
	struct nd_ustr name; /* in the namespace, else the last part of DriverName */
	uint32_t duplicate;  /* how many before it have the same name */
};

struct nd_driver_list {
	struct nd_driver_ref *ref; /* by address */
	uint32_t count;
	bool namespace_whole; /* a driver that it does not hold was taken out of it */
	struct nd_problems problems;
};

/* Found on first use, lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_drivers(const struct nd_dump *dump, const struct nd_driver_list **ret);

/* For nt/tables.c. */
enum nd_status nd_driver_list_build(const struct nd_dump *dump, struct nd_driver_list *ret);
void nd_driver_list_free(struct nd_driver_list *list);

#endif
