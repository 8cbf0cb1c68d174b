// Tries libmartlet's rules: errors as codes and text, sizes of structures, pixels, cancelling, one call at a time, limits.
//
//   library-test PACK PICTURE
//
// Ends with 1 at the first rule that does not hold.

#include <martlet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static martlet_message message;

#define EXPECT(condition)                                                                       \
  do {                                                                                          \
    if (!(condition)) {                                                                         \
      fprintf(stderr, "%s:%d: %s does not hold\n%s", __FILE__, __LINE__, #condition, message.text); \
      exit(1);                                                                                  \
    }                                                                                           \
  } while (0)

static martlet_model *open_model(const char *path, const martlet_options *options) {
  martlet_model *model = NULL;
  EXPECT(martlet_model_open(path, options, &model, &message) == MARTLET_OK);
  return model;
}

static void refuses_what_cannot_be_opened(const char *pack, const char *picture) {
  martlet_model *model = NULL;
  EXPECT(martlet_model_open("no/such/file", NULL, &model, &message) == MARTLET_INPUT_MISSING);
  EXPECT(model == NULL && strstr(message.text, "no/such/file") != NULL);
  EXPECT(martlet_model_open(picture, NULL, &model, &message) == MARTLET_BAD_DATA);
  // A message is not needed.
  EXPECT(martlet_model_open(picture, NULL, &model, NULL) == MARTLET_BAD_DATA);

  martlet_options options = {.size = 0, .threads = 1};
  EXPECT(martlet_model_open(pack, &options, &model, &message) == MARTLET_USAGE);
  options = (martlet_options){.size = sizeof options, .isa = "mmx"};
  EXPECT(martlet_model_open(pack, &options, &model, &message) == MARTLET_USAGE);
  EXPECT(strstr(message.text, "mmx") != NULL);
  options = (martlet_options){.size = sizeof options, .memory_limit = 1 << 20};
  EXPECT(martlet_model_open(pack, &options, &model, &message) == MARTLET_INPUT_OUTPUT);
  EXPECT(strstr(message.text, "1048576") != NULL && model == NULL);
}

static void encodes_pixels(martlet_model *model, size_t count) {
  const size_t height = 40, width = 60, row_bytes = 3 * 64;
  uint8_t *pixels = malloc(height * row_bytes);
  EXPECT(pixels != NULL);
  for (size_t i = 0; i < height * row_bytes; i++) pixels[i] = (uint8_t)(i * 7);
  martlet_picture *picture = NULL;
  EXPECT(martlet_picture_from_pixels(model, pixels, height, width, width, &picture, &message) == MARTLET_USAGE);
  EXPECT(martlet_picture_from_pixels(model, pixels, 0, width, row_bytes, &picture, &message) == MARTLET_USAGE);
  EXPECT(martlet_picture_from_file(model, pixels, 100, &picture, &message) == MARTLET_BAD_DATA);
  EXPECT(picture == NULL);
  EXPECT(
    martlet_picture_from_pixels(model, pixels, height, width, row_bytes, &picture, &message) == MARTLET_OK);
  // The bytes between rows do not matter.
  for (size_t y = 0; y < height; y++) memset(pixels + y * row_bytes + 3 * width, 255, row_bytes - 3 * width);
  martlet_picture *same = NULL;
  EXPECT(martlet_picture_from_pixels(model, pixels, height, width, row_bytes, &same, &message) == MARTLET_OK);
  float *rows = calloc(2 * count, sizeof *rows);
  EXPECT(rows != NULL);
  EXPECT(martlet_picture_read(picture, rows, count - 1, NULL, NULL, &message) == MARTLET_USAGE);
  double prepare_ms = -1, encode_ms = -1;
  EXPECT(martlet_picture_read(picture, rows, count, &prepare_ms, &encode_ms, &message) == MARTLET_OK);
  EXPECT(martlet_picture_read(same, rows + count, count, NULL, NULL, &message) == MARTLET_OK);
  EXPECT(memcmp(rows, rows + count, count * sizeof *rows) == 0);
  EXPECT(prepare_ms >= 0 && encode_ms > 0 && isfinite(rows[0]));
  martlet_picture_release(picture);
  martlet_picture_release(same);
  free(rows);
  free(pixels);
}

typedef struct watcher {
  martlet_model *model;
  int tokens;
  martlet_status inner;
  bool cancels;
} watcher;

static bool watch(void *context, int64_t id, const char *text) {
  watcher *w = context;
  (void)text;
  if (id < 0) return true;
  w->tokens += 1;
  // A second call while one runs.
  w->inner = martlet_model_generate(w->model, "x", NULL, 0, NULL, NULL, NULL, NULL, NULL);
  if (!w->cancels) return false;
  martlet_model_cancel(w->model);
  return true;
}

static void ends_when_told(martlet_model *model, bool cancels) {
  watcher w = {.model = model, .cancels = cancels};
  martlet_request request = {.size = sizeof request, .maximum_tokens = 8};
  martlet_result result = {.size = sizeof result};
  EXPECT(
    martlet_model_generate(model, "Read all the text.", NULL, 0, &request, watch, &w, &result, &message) ==
    MARTLET_OK);
  EXPECT(w.tokens == 1 && w.inner == MARTLET_BUSY);
  EXPECT(result.finish == MARTLET_FINISH_CANCELLED && result.tokens == 1);
  EXPECT(result.prompt_tokens > 1 && result.first_token_ms >= result.prefill_ms);
}

static void refuses_requests(martlet_model *model) {
  martlet_request request = {.size = 0};
  EXPECT(
    martlet_model_generate(model, "x", NULL, 0, &request, NULL, NULL, NULL, &message) == MARTLET_USAGE);
  request = (martlet_request){.size = sizeof request, .temperature = -1};
  EXPECT(
    martlet_model_generate(model, "x", NULL, 0, &request, NULL, NULL, NULL, &message) == MARTLET_USAGE);
  martlet_picture *none = NULL;
  EXPECT(
    martlet_model_generate(model, "x", &none, 1, NULL, NULL, NULL, NULL, &message) == MARTLET_USAGE);
}

int main(int count, char **words) {
  if (count != 3) return MARTLET_USAGE;
  refuses_what_cannot_be_opened(words[1], words[2]);
  martlet_options options = {.size = sizeof options, .threads = 2, .memory_limit = (uint64_t)1 << 30};
  martlet_model *model = open_model(words[1], &options);
  martlet_description description = {.size = 0};
  EXPECT(martlet_model_describe(model, &description, &message) == MARTLET_USAGE);
  description.size = sizeof description;
  EXPECT(martlet_model_describe(model, &description, &message) == MARTLET_OK);
  EXPECT(description.threads == 2 && description.answers && description.isa[0] != 0);
  encodes_pixels(model, (size_t)description.picture_rows * description.row_width);
  ends_when_told(model, false);
  ends_when_told(model, true);
  refuses_requests(model);
  martlet_model_close(model);
  martlet_model_close(NULL);
  martlet_picture_release(NULL);
  puts("libmartlet keeps its rules");
  return 0;
}
