// libmartlet: answers questions about pictures with a pack, from C or anything that calls C.
//
//   martlet_model *model;
//   martlet_picture *picture;
//   martlet_message message;
//   if (martlet_model_open("fastvlm.martlet", NULL, &model, &message) != MARTLET_OK) fail(message.text);
//   if (martlet_picture_from_file(model, bytes, count, &picture, &message) != MARTLET_OK) fail(message.text);
//   martlet_model_generate(model, "What is this?", &picture, 1, NULL, print, NULL, NULL, &message);
//   martlet_picture_release(picture);
//   martlet_model_close(model);
//
// In:      a pack written by martlet convert; pictures as pixels or as PNG, JPEG or WebP; UTF-8 texts that end in a zero.
// Out:     a status for each call, and the error in words where a message is given. Nothing is printed.
// Refuses: packs and pictures that are damaged, instruction sets that the machine lacks, a second call on a model while one
//          is running (MARTLET_BUSY; martlet_model_cancel is the exception).
//
// A model may be used from any thread, by one at a time; models are independent of each other. What a caller passes is
// read during the call only. Structures start with their size, so that later versions can add fields at the end: a caller
// sets `size` to `sizeof` and the rest to 0 for the default.

#ifndef MARTLET_H
#define MARTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__)
#define MARTLET_GIVEN _Nonnull
#define MARTLET_OPTIONAL _Nullable
#else
#define MARTLET_GIVEN
#define MARTLET_OPTIONAL
#endif

/// Of this header; functions of version N are exported as symbols of the version MARTLET_N.
#define MARTLET_LIBRARY_VERSION 1

/// How a call ended; the errors are the exit codes of the command lines.
typedef enum martlet_status {
  MARTLET_OK = 0,
  /// The caller's arguments do not fit.
  MARTLET_USAGE = 64,
  /// A pack, a picture or a text cannot be used.
  MARTLET_BAD_DATA = 65,
  /// A file is not there.
  MARTLET_INPUT_MISSING = 66,
  /// A bug in Martlet.
  MARTLET_BUG = 70,
  /// A file cannot be read, or memory is short.
  MARTLET_INPUT_OUTPUT = 74,
  /// Another call on the same model is running.
  MARTLET_BUSY = 75,
} martlet_status;

/// An error in words: lines that end in a newline, the last in a zero; cut where it is longer.
typedef struct martlet_message {
  char text[1024];
} martlet_message;

/// A pack, opened, with its threads.
typedef struct martlet_model martlet_model;

/// A picture as rows for the language model; of use with the model it was made by.
typedef struct martlet_picture martlet_picture;

/// How a model runs.
typedef struct martlet_options {
  size_t size;
  /// 0: the physical cores this process may use.
  uint32_t threads;
  /// NULL: the best of the machine. One it lacks is an error.
  const char *MARTLET_OPTIONAL isa;
  /// The most memory that the process may hold, in bytes; 0: no limit. Tiles are made smaller and mapped weights let go so
  /// that it is kept; where that cannot be, the call is refused.
  uint64_t memory_limit;
} martlet_options;

/// What a model is.
typedef struct martlet_description {
  size_t size;
  uint32_t threads;
  /// The side of the square that pictures are brought to, in pixels.
  uint32_t resolution;
  /// Rows a picture becomes, and the width of each.
  uint32_t picture_rows;
  uint32_t row_width;
  /// Whether the pack holds a language model; one without gives rows only.
  bool answers;
  /// The instruction set in use.
  char isa[16];
} martlet_description;

/// How an answer is generated.
typedef struct martlet_request {
  size_t size;
  /// 0: 256.
  uint32_t maximum_tokens;
  /// 0 takes the likeliest token, above it tokens are drawn.
  float temperature;
  uint64_t seed;
} martlet_request;

/// Why an answer ended.
typedef enum martlet_finish {
  MARTLET_FINISH_STOP = 0,
  MARTLET_FINISH_LENGTH = 1,
  MARTLET_FINISH_CANCELLED = 2,
} martlet_finish;

/// What an answer took.
typedef struct martlet_result {
  size_t size;
  martlet_finish finish;
  uint32_t prompt_tokens;
  uint32_t tokens;
  double prefill_ms;
  /// From the start of the prefill to the first token.
  double first_token_ms;
  double total_ms;
  double tokens_per_second;
} martlet_result;

/// Called for each token: its id and the text it completes, which ends in a zero and may be empty where a character takes
/// several tokens; at the end perhaps once more with the id −1 and what is left. `false` ends the answer.
typedef bool (*martlet_token_callback)(
  void *MARTLET_OPTIONAL context, int64_t id, const char *MARTLET_GIVEN text);

/// Opens a pack; its weights are checked and unpacked here.
martlet_status martlet_model_open(
  const char *MARTLET_GIVEN path, const martlet_options *MARTLET_OPTIONAL options,
  martlet_model *MARTLET_OPTIONAL *MARTLET_GIVEN model, martlet_message *MARTLET_OPTIONAL message);

/// Gives everything of the model back; no call on it may be running. Pictures are released apart.
void martlet_model_close(martlet_model *MARTLET_OPTIONAL model);

martlet_status martlet_model_describe(
  martlet_model *MARTLET_GIVEN model, martlet_description *MARTLET_GIVEN description,
  martlet_message *MARTLET_OPTIONAL message);

/// A picture of `height` × `width` pixels of three bytes, red first, rows `row_bytes` apart. It is resized as the pack
/// says and encoded.
martlet_status martlet_picture_from_pixels(
  martlet_model *MARTLET_GIVEN model, const uint8_t *MARTLET_GIVEN pixels, size_t height, size_t width,
  size_t row_bytes, martlet_picture *MARTLET_OPTIONAL *MARTLET_GIVEN picture,
  martlet_message *MARTLET_OPTIONAL message);

/// A picture from the bytes of a PNG, JPEG or WebP file.
martlet_status martlet_picture_from_file(
  martlet_model *MARTLET_GIVEN model, const uint8_t *MARTLET_GIVEN bytes, size_t count,
  martlet_picture *MARTLET_OPTIONAL *MARTLET_GIVEN picture,
  martlet_message *MARTLET_OPTIONAL message);

void martlet_picture_release(martlet_picture *MARTLET_OPTIONAL picture);

/// Copies the picture's rows, `[picture_rows, row_width]`, and tells the milliseconds that preparing and encoding took.
///
/// `rows` may be NULL; else it has room for `capacity` floats, and fewer than there are is MARTLET_USAGE.
martlet_status martlet_picture_read(
  martlet_picture *MARTLET_GIVEN picture, float *MARTLET_OPTIONAL rows, size_t capacity,
  double *MARTLET_OPTIONAL prepare_ms, double *MARTLET_OPTIONAL encode_ms,
  martlet_message *MARTLET_OPTIONAL message);

/// Answers. `<image>` in the prompt says where a picture goes; without any, pictures come first.
martlet_status martlet_model_generate(
  martlet_model *MARTLET_GIVEN model, const char *MARTLET_GIVEN prompt,
  martlet_picture *MARTLET_OPTIONAL const *MARTLET_OPTIONAL pictures, size_t picture_count,
  const martlet_request *MARTLET_OPTIONAL request, martlet_token_callback MARTLET_OPTIONAL callback,
  void *MARTLET_OPTIONAL context, martlet_result *MARTLET_OPTIONAL result,
  martlet_message *MARTLET_OPTIONAL message);

/// From any thread: ends the running answer after its current token, or does nothing.
void martlet_model_cancel(martlet_model *MARTLET_GIVEN model);

#ifdef __cplusplus
}
#endif

#endif
