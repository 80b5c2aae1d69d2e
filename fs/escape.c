/*
 * fs/escape.c - text from the dump made safe, for contents and for file names (text.h): whatever
 * could end a line, move a cursor or reorder what is shown is spelled out.
 */
#include "text.h"

#include <string.h>

#define NAME_BYTES_MAX 200u

/* One character of the input. */
struct piece {
	uint32_t code;	/* code point; the byte or the unit itself when not valid */
	unsigned taken; /* bytes or units of input that it took */
	bool valid;
};

static bool is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/* The character at p (len >= 1): strict UTF-8, one byte taken where it is not. */
static struct piece utf8_piece(const uint8_t *p, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* refuses overlong forms */
	struct piece bad = { .code = p[0], .taken = 1 };
	unsigned bytes = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : 4;
	uint32_t code = p[0];

	if (bytes == 1)
		return (struct piece){ .code = code, .taken = 1, .valid = true };
	if ((bytes == 4 && p[0] >> 3 != 30) || bytes > len)
		return bad;
	code &= 0x7fu >> bytes;
	for (unsigned i = 1; i < bytes; i++) {
		if (p[i] >> 6 != 2)
			return bad;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[bytes] || code > 0x10ffff || is_surrogate(code))
		return bad;
	return (struct piece){ .code = code, .taken = bytes, .valid = true };
}

/* The character at u (count >= 1); a surrogate without its partner is not valid. */
static struct piece utf16_piece(const uint16_t *u, size_t count)
{
	if (!is_surrogate(u[0]))
		return (struct piece){ .code = u[0], .taken = 1, .valid = true };
	if (u[0] >= 0xdc00 || count < 2 || u[1] < 0xdc00 || u[1] > 0xdfff)
		return (struct piece){ .code = u[0], .taken = 1 };
	return (struct piece){
		.code = 0x10000 + ((uint32_t)(u[0] - 0xd800) << 10) + (u[1] - 0xdc00u),
		.taken = 2,
		.valid = true,
	};
}

/* UTF-8 of a code point (a surrogate in the same scheme); returns 1..4 bytes. */
static unsigned put_utf8(uint32_t code, uint8_t ret[4])
{
	unsigned bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (bytes == 1) {
		ret[0] = (uint8_t)code;
		return 1;
	}
	for (unsigned i = bytes - 1; i > 0; i--) {
		ret[i] = (uint8_t)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	ret[0] = (uint8_t)(0xf00u >> bytes | code);
	return bytes;
}

/* C0, DEL, C1: an 8-bit terminal obeys the last ones too (0x9b is ESC [). */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Line and paragraph separators, and the marks that turn the direction of what follows. */
static bool is_layout(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0xfeff;
}

static void text_piece(struct text *t, struct piece piece)
{
	uint8_t utf8[4];

	if (piece.code < 0x100 && (!piece.valid || is_control(piece.code)))
		text_printf(t, "\\x%02x", piece.code);
	else if (!piece.valid || is_layout(piece.code))
		text_printf(t, "\\u%04x", piece.code);
	else
		text_bytes(t, utf8, put_utf8(piece.code, utf8));
}

void text_utf8(struct text *t, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0 && t->failed == ND_OK) {
		struct piece piece = utf8_piece(p, len);

		text_piece(t, piece);
		p += piece.taken;
		len -= piece.taken;
	}
}

void text_utf16(struct text *t, const uint16_t *units, size_t count)
{
	while (count > 0 && t->failed == ND_OK) {
		struct piece piece = utf16_piece(units, count);

		text_piece(t, piece);
		units += piece.taken;
		count -= piece.taken;
	}
}

static void escape_byte(char *name, size_t *len, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";

	name[(*len)++] = '%';
	name[(*len)++] = digits[byte >> 4];
	name[(*len)++] = digits[byte & 0xf];
}

/* Append one character to a file name of *len bytes; false when it does not fit any more. */
static bool name_piece(char *name, size_t *len, struct piece piece, bool is_byte)
{
	bool escape = !piece.valid || is_control(piece.code) || is_layout(piece.code) ||
		      piece.code == '/' || piece.code == '%';
	uint8_t utf8[4];
	unsigned bytes = 1;

	if (is_byte)
		utf8[0] = (uint8_t)piece.code;
	else
		bytes = put_utf8(piece.code, utf8);
	if (bytes * (escape ? 3 : 1) > NAME_BYTES_MAX - *len)
		return false;
	for (unsigned i = 0; i < bytes; i++) {
		if (escape)
			escape_byte(name, len, utf8[i]);
		else
			name[(*len)++] = (char)utf8[i];
	}
	return true;
}

/* The names that a directory cannot hold: "", "." and "..". */
static size_t name_finish(char ret[256], size_t len)
{
	size_t dots = len;

	if (len == 0) {
		escape_byte(ret, &len, 0);
	} else if (len <= 2 && memcmp(ret, "..", len) == 0) {
		for (len = 0; dots > 0; dots--)
			escape_byte(ret, &len, '.');
	}
	ret[len] = '\0';
	return len;
}

size_t text_file_name_utf8(const void *bytes, size_t len, char ret[256])
{
	const uint8_t *p = bytes;
	size_t out = 0;

	while (len > 0) {
		struct piece piece = utf8_piece(p, len);

		if (!name_piece(ret, &out, piece, !piece.valid))
			break;
		p += piece.taken;
		len -= piece.taken;
	}
	return name_finish(ret, out);
}

size_t text_file_name_utf16(const uint16_t *units, size_t count, char ret[256])
{
	size_t out = 0;

	while (count > 0) {
		struct piece piece = utf16_piece(units, count);

		if (!name_piece(ret, &out, piece, false))
			break;
		units += piece.taken;
		count -= piece.taken;
	}
	return name_finish(ret, out);
}
