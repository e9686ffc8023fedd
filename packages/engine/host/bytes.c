/* Bytes as text, text as bytes, numbers in bytes: what packages/engine/src/host.ts says of them. */
#include "host.h"
#include <string.h>

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

/* The bytes of a typed array, or of an array buffer; 0 and no size for anything else, and for one that has none. */
uint8_t *bytes_of(JSContext *context, JSValueConst value, size_t *size)
{
	size_t offset, length, each, whole;
	JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, &length, &each);
	uint8_t *bytes;
	*size = 0;
	if (JS_IsException(buffer)) {
		JS_FreeValue(context, JS_GetException(context));
		bytes = JS_GetArrayBuffer(context, size, value);
		if (!bytes)
			JS_FreeValue(context, JS_GetException(context));
		return bytes;
	}
	bytes = JS_GetArrayBuffer(context, &whole, buffer);
	JS_FreeValue(context, buffer);
	if (!bytes)
		return 0;
	*size = length;
	return bytes + offset;
}

/* Bytes at p that are a valid sequence of UTF-8 (RFC 3629), or, negative, those of the longest beginning of one: at least 1. */
static int sequence(const uint8_t *p, const uint8_t *end)
{
	static const uint8_t least[] = { 0xe0, 0xa0, 0xf0, 0x90 }, most[] = { 0xed, 0x9f, 0xf4, 0x8f };
	uint8_t first = *p, low = 0x80, high = 0xbf;
	int size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (!size)
		return -1;
	for (int i = 0; i < 4; i += 2) {
		if (first == least[i])
			low = least[i + 1];
		if (first == most[i])
			high = most[i + 1];
	}
	for (int i = 1; i < size; i++) {
		if (p + i == end || p[i] < low || p[i] > high)
			return -i;
		low = 0x80;
		high = 0xbf;
	}
	return size;
}

static const uint8_t *ascii_end(const uint8_t *p, const uint8_t *end)
{
	uint64_t word;
	for (; end - p >= 8; p += 8) {
		memcpy(&word, p, 8);
		if (word & 0x8080808080808080UL)
			break;
	}
	while (p < end && *p < 0x80)
		p++;
	return p;
}

/* Bytes as text; what is no UTF-8 is U+FFFD, or, where it is to be kept, a lone surrogate for each byte. */
static JSValue text_of(JSContext *context, const uint8_t *bytes, size_t size, int keep)
{
	const uint8_t *end = bytes + size, *p = ascii_end(bytes, end);
	uint8_t *made, *to;
	JSValue text;
	while (p < end) {
		int length = sequence(p, end);
		if (length < 0)
			break;
		p += length;
	}
	if (p == end)
		return JS_NewStringLen(context, (const char *)bytes, size);
	made = to = js_malloc(context, 3 * size);
	if (!made)
		return JS_EXCEPTION;
	for (p = bytes; p < end;) {
		int length = sequence(p, end);
		if (length > 0) {
			memcpy(to, p, length);
			to += length;
			p += length;
		} else if (keep) {
			unsigned code = 0xdc00 + *p++;
			*to++ = 0xe0 | code >> 12;
			*to++ = 0x80 | (code >> 6 & 63);
			*to++ = 0x80 | (code & 63);
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			p -= length;
		}
	}
	text = JS_NewStringLen(context, (const char *)made, to - made);
	js_free(context, made);
	return text;
}

JSValue kept_text(JSContext *context, const uint8_t *bytes, size_t size)
{
	return text_of(context, bytes, size, 1);
}

static int integer(JSContext *context, JSValueConst value, int64_t *number)
{
	double exact;
	if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) {
		*number = JS_VALUE_GET_INT(value);
		return 1;
	}
	if (!JS_IsNumber(value) || JS_ToFloat64(context, &exact, value) || !(exact >= -9007199254740991.0 && exact <= 9007199254740991.0))
		return 0;
	*number = (int64_t)exact;
	return (double)*number == exact;
}

/* The part from argv[1] to argv[2] (exclusive) of the bytes in argv[0]; 0 and an exception where it is none. */
static const uint8_t *part(JSContext *context, JSValueConst *argv, size_t *size)
{
	int64_t from, to;
	const uint8_t *bytes = bytes_of(context, argv[0], size);
	if (!integer(context, argv[1], &from) || !integer(context, argv[2], &to) || from < 0 || to < from || (uint64_t)to > *size) {
		JS_ThrowRangeError(context, "not within the bytes");
		return 0;
	}
	*size = to - from;
	return bytes ? bytes + from : (const uint8_t *)"";
}

static JSValue utf8(JSContext *context, JSValueConst this, int argc, JSValueConst *argv, int keep)
{
	size_t size;
	const uint8_t *bytes = part(context, argv, &size);
	(void)this, (void)argc;
	return bytes ? text_of(context, bytes, size, keep) : JS_EXCEPTION;
}

static JSValue latin1(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size;
	const uint8_t *bytes = part(context, argv, &size);
	uint8_t *made, *to;
	JSValue text;
	(void)this, (void)argc;
	if (!bytes)
		return JS_EXCEPTION;
	if (ascii_end(bytes, bytes + size) == bytes + size)
		return JS_NewStringLen(context, (const char *)bytes, size);
	made = to = js_malloc(context, 2 * size);
	if (!made)
		return JS_EXCEPTION;
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] >= 0x80)
			*to++ = 0xc0 | bytes[i] >> 6;
		*to++ = bytes[i] < 0x80 ? bytes[i] : 0x80 | (bytes[i] & 63);
	}
	text = JS_NewStringLen(context, (const char *)made, to - made);
	js_free(context, made);
	return text;
}

/* A surrogate without its partner, as the engine writes it in UTF-8. */
static int is_lone(const uint8_t *p, const uint8_t *end)
{
	return p[0] == 0xed && end - p >= 3 && p[1] >= 0xa0;
}

/* Bytes of the next character of the engine's UTF-8. */
static int next_length(const uint8_t *p, const uint8_t *end)
{
	return is_lone(p, end) ? 3 : sequence(p, end);
}

static JSValue utf8_length(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size;
	const char *text = JS_ToCStringLen(context, &size, argv[0]);
	(void)this, (void)argc;
	if (!text)
		return JS_EXCEPTION;
	JS_FreeCString(context, text);
	return JS_NewInt64(context, size);
}

/* Where argv[2] begins in the bytes in argv[1], and how much there is room for (argv[3]); 0 and an exception where that is not within. */
static uint8_t *room_in(JSContext *context, JSValueConst *argv, size_t *room)
{
	int64_t at, most;
	size_t size;
	uint8_t *bytes = bytes_of(context, argv[1], &size);
	if (!integer(context, argv[2], &at) || !integer(context, argv[3], &most) || at < 0 || most < 0 || (uint64_t)at > size || (uint64_t)most > size - at) {
		JS_ThrowRangeError(context, "not within the bytes");
		return 0;
	}
	*room = most;
	return bytes ? bytes + at : (uint8_t *)"";
}

static JSValue write_utf8(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size, room, written = 0;
	uint8_t *to = room_in(context, argv, &room);
	const char *text;
	const uint8_t *p, *end;
	(void)this, (void)argc;
	if (!to || !(text = JS_ToCStringLen(context, &size, argv[0])))
		return JS_EXCEPTION;
	p = (const uint8_t *)text;
	end = p + size;
	if (size <= room && !memchr(text, 0xed, size)) {
		memcpy(to, text, size);
		written = size;
	} else
		while (p < end) {
			int length = next_length(p, end);
			if ((size_t)length > room - written)
				break;
			memcpy(to + written, is_lone(p, end) ? (const uint8_t *)"\xef\xbf\xbd" : p, length);
			written += length;
			p += length;
		}
	JS_FreeCString(context, text);
	return JS_NewInt64(context, written);
}

/* The code point at p, in the engine's UTF-8. */
static unsigned code_at(const uint8_t *p, int length)
{
	unsigned code = length == 1 ? p[0] : p[0] & (0x7f >> length);
	for (int i = 1; i < length; i++)
		code = code << 6 | (p[i] & 63);
	return code;
}

static JSValue write_latin1(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size, room, written = 0;
	uint8_t *to = room_in(context, argv, &room);
	const char *text;
	const uint8_t *p, *end;
	(void)this, (void)argc;
	if (!to || !(text = JS_ToCStringLen(context, &size, argv[0])))
		return JS_EXCEPTION;
	p = (const uint8_t *)text;
	end = p + size;
	while (p < end && written < room) {
		int length = next_length(p, end);
		unsigned code = code_at(p, length);
		if (code > 0xffff) {
			to[written++] = (code - 0x10000) >> 10;
			if (written == room)
				break;
		}
		to[written++] = code;
		p += length;
	}
	JS_FreeCString(context, text);
	return JS_NewInt64(context, written);
}

static JSValue compare(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t left_size, right_size, least;
	const uint8_t *left = bytes_of(context, argv[0], &left_size), *right = bytes_of(context, argv[1], &right_size);
	int result;
	(void)this, (void)argc;
	least = left_size < right_size ? left_size : right_size;
	result = least ? memcmp(left, right, least) : 0;
	if (!result)
		result = left_size < right_size ? -1 : left_size > right_size;
	return JS_NewInt32(context, result < 0 ? -1 : result > 0);
}

static void release(JSRuntime *runtime, void *opaque, void *bytes)
{
	(void)opaque;
	js_free_rt(runtime, bytes);
}

static JSValue uninitialized(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t size;
	void *bytes;
	(void)this, (void)argc;
	if (!integer(context, argv[0], &size) || size < 0)
		return JS_ThrowRangeError(context, "not a size");
	bytes = js_malloc(context, size ? size : 1);
	return bytes ? JS_NewArrayBuffer(context, bytes, size, release, 0, 0) : JS_EXCEPTION;
}

/* Methods that read and write numbers: what each is, by bits. */
enum { SIZE = 15, SIGNED = 16, BIG_ENDIAN_BYTES = 32, BIGINT = 64, WRITES = 128, ANY_SIZE = 256 };
static const struct {
	const char *name;
	int form;
} methods[] = {
#define BOTH(suffix, form) { "read" suffix, form }, { "write" suffix, (form) | WRITES }
	BOTH("UInt8", 1), BOTH("Int8", 1 | SIGNED),
	BOTH("UInt16LE", 2), BOTH("UInt16BE", 2 | BIG_ENDIAN_BYTES), BOTH("Int16LE", 2 | SIGNED), BOTH("Int16BE", 2 | SIGNED | BIG_ENDIAN_BYTES),
	BOTH("UInt32LE", 4), BOTH("UInt32BE", 4 | BIG_ENDIAN_BYTES), BOTH("Int32LE", 4 | SIGNED), BOTH("Int32BE", 4 | SIGNED | BIG_ENDIAN_BYTES),
	BOTH("BigUInt64LE", 8 | BIGINT), BOTH("BigUInt64BE", 8 | BIGINT | BIG_ENDIAN_BYTES),
	BOTH("BigInt64LE", 8 | BIGINT | SIGNED), BOTH("BigInt64BE", 8 | BIGINT | SIGNED | BIG_ENDIAN_BYTES),
	BOTH("UIntLE", ANY_SIZE),
};

static JSValue refused(JSContext *context, JSValueConst this, int argc, JSValueConst *argv, JSValueConst otherwise, const char *name)
{
	JSValueConst words[8];
	JSValue text = JS_NewString(context, name), result;
	int count = argc < 7 ? argc : 7;
	words[0] = text;
	for (int i = 0; i < count; i++)
		words[i + 1] = argv[i];
	result = JS_Call(context, otherwise, this, count + 1, words);
	JS_FreeValue(context, text);
	return result;
}

static JSValue number_in(JSContext *context, JSValueConst this, int argc, JSValueConst *argv, int index, JSValue *data)
{
	int form = methods[index].form, writes = (form & WRITES) != 0, any = (form & ANY_SIZE) != 0;
	size_t size, length = form & SIZE;
	int64_t at = 0, each;
	uint64_t word = 0;
	uint8_t *bytes = bytes_of(context, this, &size);
	JSValueConst place = argc > writes ? argv[writes] : JS_UNDEFINED;
	if (argc < writes)
		goto otherwise;
	if (any) {
		if (argc < 2 + writes || !integer(context, argv[1 + writes], &each) || each < 1 || each > 6)
			goto otherwise;
		length = each;
	}
	if ((any || !JS_IsUndefined(place)) && !integer(context, place, &at))
		goto otherwise;
	if (!bytes || at < 0 || (uint64_t)at > size || length > size - at)
		goto otherwise;
	bytes += at;
	if (!writes) {
		memcpy(&word, bytes, length);
		if (form & BIG_ENDIAN_BYTES)
			word = __builtin_bswap64(word) >> (64 - 8 * length);
		if (form & BIGINT)
			return form & SIGNED ? JS_NewBigInt64(context, word) : JS_NewBigUint64(context, word);
		if (form & SIGNED && word >> (8 * length - 1))
			word |= ~0UL << (8 * length - 1);
		return JS_NewInt64(context, word);
	}
	if (form & BIGINT) {
		int64_t exact;
		JSValue same;
		int is_same;
		if (!JS_IsBigInt(context, argv[0]))
			goto otherwise;
		JS_ToBigInt64(context, &exact, argv[0]);
		same = form & SIGNED ? JS_NewBigInt64(context, exact) : JS_NewBigUint64(context, exact);
		is_same = JS_StrictEq(context, same, argv[0]);
		JS_FreeValue(context, same);
		if (!is_same)
			goto otherwise;
		word = exact;
	} else {
		int64_t exact, least = form & SIGNED ? -(1L << (8 * length - 1)) : 0, most = (1L << (8 * length - (form & SIGNED ? 1 : 0))) - 1;
		if (!integer(context, argv[0], &exact) || exact < least || exact > most)
			goto otherwise;
		word = exact;
	}
	if (form & BIG_ENDIAN_BYTES)
		word = __builtin_bswap64(word << (64 - 8 * length));
	memcpy(bytes, &word, length);
	return JS_NewInt64(context, at + length);
otherwise:
	return refused(context, this, argc, argv, data[0], methods[index].name);
}

static JSValue numbers(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	JSValue object = JS_NewObject(context);
	(void)this, (void)argc;
	if (JS_IsException(object))
		return object;
	for (int i = 0; i < COUNT(methods); i++)
		JS_SetPropertyStr(context, object, methods[i].name, JS_NewCFunctionData(context, number_in, 0, i, 1, argv));
	return object;
}

const JSCFunctionListEntry byte_functions[] = {
	JS_CFUNC_DEF("numbers", 1, numbers),
	JS_CFUNC_MAGIC_DEF("utf8", 3, utf8, 0),
	JS_CFUNC_MAGIC_DEF("keptText", 3, utf8, 1),
	JS_CFUNC_DEF("latin1", 3, latin1),
	JS_CFUNC_DEF("utf8Length", 1, utf8_length),
	JS_CFUNC_DEF("writeUtf8", 4, write_utf8),
	JS_CFUNC_DEF("writeLatin1", 4, write_latin1),
	JS_CFUNC_DEF("compare", 2, compare),
	JS_CFUNC_DEF("uninitialized", 1, uninitialized),
};
const int byte_function_count = COUNT(byte_functions);
