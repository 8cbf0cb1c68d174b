// What a command line needs of the system: streams that report failure, words for error numbers.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "martlet_platform.h"

int martlet_write_stream(int descriptor, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  while (count > 0) {
    ssize_t written = write(descriptor, next, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    next += written;
    count -= (size_t)written;
  }
  return 0;
}

void martlet_refuse_size_signal(void) { signal(SIGXFSZ, SIG_IGN); }

void martlet_exit(int code) { exit(code); }

size_t martlet_error_text(int code, char *buffer, size_t capacity) {
  if (capacity == 0) return 0;
  const char *text = strerror_r(code, buffer, capacity);
  if (text != buffer) {
    strncpy(buffer, text, capacity - 1);
    buffer[capacity - 1] = 0;
  }
  return strlen(buffer);
}

martlet_fault martlet_error_fault(int code) {
  switch (code) {
    case ENOENT: return MARTLET_FAULT_MISSING;
    case ENOTDIR: return MARTLET_FAULT_NOT_A_DIRECTORY;
    case ENOSPC:
    case EDQUOT: return MARTLET_FAULT_FULL;
    case EFBIG: return MARTLET_FAULT_TOO_LARGE;
    case EACCES:
    case EPERM:
    case EROFS: return MARTLET_FAULT_DENIED;
    default: return MARTLET_FAULT_OTHER;
  }
}
