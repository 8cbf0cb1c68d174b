// Asks a pack about a picture by libmartlet:
//
//   cc example.c -I out/cross/x86-64/include -L out/cross/x86-64 -lmartlet -o example
//   ./example fastvlm.martlet photo.jpg "What is this?"

#include <martlet.h>
#include <stdio.h>
#include <stdlib.h>

static martlet_message message;

static void check(martlet_status status) {
  if (status == MARTLET_OK) return;
  fputs(message.text, stderr);
  exit((int)status);
}

static uint8_t *contents(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(MARTLET_INPUT_MISSING);
  }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);
  *count = bytes == NULL ? 0 : fread(bytes, 1, (size_t)size, file);
  fclose(file);
  return bytes;
}

static bool print(void *context, int64_t id, const char *text) {
  (void)context;
  (void)id;
  fputs(text, stdout);
  return fflush(stdout) == 0;
}

int main(int count, char **words) {
  if (count != 4) {
    fprintf(stderr, "usage: %s PACK PICTURE QUESTION\n", words[0]);
    return MARTLET_USAGE;
  }
  martlet_model *model;
  check(martlet_model_open(words[1], NULL, &model, &message));
  martlet_description description = {.size = sizeof description};
  check(martlet_model_describe(model, &description, &message));

  size_t bytes;
  uint8_t *file = contents(words[2], &bytes);
  martlet_picture *picture;
  check(martlet_picture_from_file(model, file, bytes, &picture, &message));
  free(file);
  double encode_ms;
  check(martlet_picture_read(picture, NULL, 0, NULL, &encode_ms, &message));

  martlet_request request = {.size = sizeof request, .maximum_tokens = 64};
  martlet_result result = {.size = sizeof result};
  check(martlet_model_generate(
    model, words[3], &picture, 1, &request, print, NULL, &result, &message));
  putchar('\n');
  fprintf(
    stderr, "%s, %u threads: picture %.1f ms, first token after %.1f ms, %u tokens\n", description.isa,
    description.threads, encode_ms, result.first_token_ms, result.tokens);
  martlet_picture_release(picture);
  martlet_model_close(model);
  return 0;
}
