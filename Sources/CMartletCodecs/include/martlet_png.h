// PNG from memory to rows, behind an ordinary return value.
//
// libpng reports errors by longjmp, which must not cross Swift frames. This one function holds the setjmp; what a
// picture may be, and what its samples become, is decided by its caller in Swift.
#ifndef MARTLET_PNG_H
#define MARTLET_PNG_H

#include <stddef.h>
#include <stdint.h>

#if !__has_feature(nullability)
#define _Nonnull
#endif

/// Room for libpng's own words about an error, the closing zero included.
#define MARTLET_PNG_MESSAGE 120

typedef enum martlet_png_status {
  MARTLET_PNG_OK = 0,
  /// The bytes end before the picture does; the message says nothing more.
  MARTLET_PNG_TRUNCATED = 1,
  /// libpng refused the file; the message says why.
  MARTLET_PNG_DAMAGED = 2,
  MARTLET_PNG_NO_MEMORY = 3,
} martlet_png_status;

/// Decodes the whole file, up to and including IEND, into `height` rows that stand `row_bytes` apart.
///
/// Rows are red, green, blue bytes (`row_bytes = 3 · width`), except for 16-bit gray without alpha, whose samples stay
/// as they are, high byte first (`row_bytes = 2 · width`). Alpha is dropped, never composited; of 16-bit colors the high
/// byte is kept; gamma and color profiles are ignored. Any wrong checksum is an error. `width`, `height` and
/// `row_bytes` must agree with the file's header, otherwise the file is refused before a row is written.
/// `message` has `MARTLET_PNG_MESSAGE` bytes and always ends in a zero.
martlet_png_status martlet_png_decode(const uint8_t *_Nonnull bytes, size_t count, uint32_t width,
                                      uint32_t height, uint8_t *_Nonnull rows, size_t row_bytes,
                                      char *_Nonnull message);

#endif
