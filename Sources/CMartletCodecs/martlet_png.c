#include "martlet_png.h"

#include <png.h>
#include <string.h>

/// What the callbacks share: the bytes still to come, and how it ended.
typedef struct source {
  const uint8_t *next;
  size_t left;
  martlet_png_status status;
  char *message;
} source;

static void fail(png_structp png, png_const_charp words) {
  source *from = png_get_error_ptr(png);
  if (from->status == MARTLET_PNG_OK) from->status = MARTLET_PNG_DAMAGED;
  strncpy(from->message, words, MARTLET_PNG_MESSAGE - 1);
  png_longjmp(png, 1);
}

/// libpng warns about what it can put right or what does not touch pixels; the pixels are complete all the same.
static void warn(png_structp png, png_const_charp words) {
  (void)png;
  (void)words;
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  source *from = png_get_io_ptr(png);
  if (count > from->left) {
    from->status = MARTLET_PNG_TRUNCATED;
    png_error(png, "");
  }
  memcpy(out, from->next, count);
  from->next += count;
  from->left -= count;
}

/// Asks for RGB bytes; 16-bit gray stays as it is.
static void set_transforms(png_structp png, png_infop info) {
  const int depth = png_get_bit_depth(png, info);
  const int color = png_get_color_type(png, info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color & PNG_COLOR_MASK_ALPHA || png_get_valid(png, info, PNG_INFO_tRNS)) png_set_strip_alpha(png);
  if (color == PNG_COLOR_TYPE_GRAY && depth == 16) return;
  if (depth == 16) png_set_strip_16(png);
  if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (!(color & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
}

/// Sets `from->status`; a function of its own, because nothing local may change between setjmp and longjmp.
static void decode(source *from, uint32_t width, uint32_t height, uint8_t *rows, size_t row_bytes) {
  from->status = MARTLET_PNG_NO_MEMORY;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, from, fail, warn);
  if (!png) return;
  png_infop info = png_create_info_struct(png);
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    return;
  }
  from->status = MARTLET_PNG_OK;
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return;
  }
  png_set_read_fn(png, from, read_bytes);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  // The caller has checked the extents against its own limits.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
  // Nothing but IHDR, PLTE and IDAT touches the result: other chunks are only checked, not inflated or kept.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "tRNS\0sRGB", 2);
#endif
  png_read_info(png, info);
  set_transforms(png, info);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height ||
      png_get_rowbytes(png, info) != row_bytes)
    png_error(png, "the header disagrees with itself");
  for (int pass = 0; pass < passes; pass++)
    for (uint32_t y = 0; y < height; y++) png_read_row(png, rows + y * row_bytes, NULL);
  png_read_end(png, NULL);
  png_destroy_read_struct(&png, &info, NULL);
}

martlet_png_status martlet_png_decode(const uint8_t *bytes, size_t count, uint32_t width,
                                      uint32_t height, uint8_t *rows, size_t row_bytes,
                                      char *message) {
  memset(message, 0, MARTLET_PNG_MESSAGE);
  source from = {bytes, count, MARTLET_PNG_OK, message};
  decode(&from, width, height, rows, row_bytes);
  return from.status;
}
