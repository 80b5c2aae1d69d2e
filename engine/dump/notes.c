/*
 * engine/dump/notes.c - walks ELF notes.
 */
#include <stdlib.h>
#include <string.h>

#include "dump/notes.h"

#define NOTE_HEAD_BYTES 12u
#define CPUS_MAX 2048u /* the kernel's own limit of processors */

/* QEMUCPUState */
#define QEMU_BYTES_MIN 0x1b0u
#define QEMU_BYTES_GS 0x1b8u /* with kernel_gs_base */
#define QEMU_GS_BASE 0x108
#define QEMU_IDT_BASE 0x180
#define QEMU_CR3 0x1a0
#define QEMU_KERNEL_GS_BASE 0x1b0

#define NT_AUXV 6
#define NT_FILE 0x46494c45

struct note {
	uint32_t type;
	const char *name;
	uint32_t name_bytes;
	const uint8_t *p;
	uint32_t bytes;
};

static bool is_named(const struct note *note, const char *name)
{
	size_t len = strlen(name);

	return (note->name_bytes == len || note->name_bytes == len + 1) &&
	       memcmp(note->name, name, len) == 0;
}

static size_t padded(uint32_t bytes)
{
	return ((size_t)bytes + 3) & ~(size_t)3;
}

/* The note at *at, which moves behind it; false at the end or where the lengths are absurd. */
static bool next_note(const uint8_t *p, size_t len, size_t *at, struct note *ret)
{
	size_t left = len - *at, name, desc;

	if (left < NOTE_HEAD_BYTES)
		return false;
	ret->name_bytes = nd_le32(p + *at);
	ret->bytes = nd_le32(p + *at + 4);
	ret->type = nd_le32(p + *at + 8);
	left -= NOTE_HEAD_BYTES;
	name = padded(ret->name_bytes);
	desc = padded(ret->bytes);
	if (name > left || ret->bytes > left - name)
		return false;
	ret->name = (const char *)p + *at + NOTE_HEAD_BYTES;
	ret->p = p + *at + NOTE_HEAD_BYTES + name;
	left -= name;
	*at = len - (desc < left ? left - desc : 0);
	return true;
}

static void add_cpu(struct nd_source *src, const struct note *note)
{
	uint32_t size = note->bytes >= 8 ? nd_le32(note->p + 4) : 0;
	struct nd_source_cpu *cpu;

	if (size < QEMU_BYTES_MIN || size > note->bytes || src->cpu_count == CPUS_MAX)
		return;
	if (src->cpu == NULL)
		src->cpu = calloc(CPUS_MAX, sizeof(*src->cpu));
	if (src->cpu == NULL)
		return;
	cpu = &src->cpu[src->cpu_count++];
	cpu->cr3 = nd_le64(note->p + QEMU_CR3);
	cpu->idt_base = nd_le64(note->p + QEMU_IDT_BASE);
	cpu->gs_base = nd_le64(note->p + QEMU_GS_BASE);
	if (size >= QEMU_BYTES_GS)
		cpu->kernel_gs_base = nd_le64(note->p + QEMU_KERNEL_GS_BASE);
}

/* "OSRELEASE=6.1.0-18-amd64\n": what Linux keeps where Windows has its dump header. */
static enum nd_status refuse_linux(const struct note *note, struct nd_error *err)
{
	static const char key[] = "OSRELEASE=";
	const char *p = (const char *)note->p;
	size_t len = 0, from = sizeof(key) - 1;

	if (note->bytes < from || memcmp(p, key, from) != 0)
		return ND_OK;
	while (from + len < note->bytes && len < 64 && (uint8_t)p[from + len] > ' ')
		len++;
	nd_error_set(err, "memory of a Linux kernel (release %.*s), not of Windows", (int)len,
		     p + from);
	return ND_EFORMAT;
}

static enum nd_status guest_note(struct nd_source *src, const struct note *note,
				 struct nd_error *err)
{
	struct nd_error ignored;

	if (note->bytes < ND_HEADER_BYTES || nd_le32(note->p) != ND_HEADER_SIGNATURE)
		return refuse_linux(note, err);
	if (nd_header_parse(note->p, &src->header, &ignored) == ND_OK)
		src->has_header = true;
	return ND_OK;
}

static enum nd_status look_at(struct nd_source *src, const struct note *note, struct nd_error *err)
{
	if (is_named(note, "QEMU"))
		add_cpu(src, note);
	if (is_named(note, "VMCOREINFO"))
		return guest_note(src, note, err);
	if (is_named(note, "CORE") && (note->type == NT_AUXV || note->type == NT_FILE)) {
		nd_error_set(err, "ELF core of a Linux process, not of a machine's memory");
		return ND_EFORMAT;
	}
	return ND_OK;
}

enum nd_status nd_notes_read(struct nd_source *src, uint64_t offset, uint64_t bytes,
			     struct nd_error *err)
{
	uint64_t left = offset < src->file_bytes ? src->file_bytes - offset : 0;
	size_t len = bytes < ND_NOTES_BYTES_MAX ? (size_t)bytes : ND_NOTES_BYTES_MAX, at = 0;
	struct note note;
	enum nd_status st;
	uint8_t *p;

	len = left < len ? (size_t)left : len;
	if (len == 0)
		return ND_OK;
	p = malloc(len);
	st = p != NULL ? nd_source_read_part(src, offset, p, len, "the notes", err) : ND_ENOMEM;
	while (st == ND_OK && next_note(p, len, &at, &note))
		st = look_at(src, &note, err);
	free(p);
	if (st == ND_ENOMEM)
		nd_error_set(err, "out of memory");
	return st;
}
