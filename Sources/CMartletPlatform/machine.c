// The clock, the processors and the memory of this process.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "martlet_platform.h"

uint64_t martlet_clock_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

size_t martlet_allowed_processors(uint8_t *allowed, size_t capacity) {
  memset(allowed, 0, capacity);
  // The kernel refuses masks smaller than its own, so ask with growing ones.
  for (size_t bits = 1024; bits <= 1u << 16; bits *= 2) {
    cpu_set_t *set = CPU_ALLOC(bits);
    if (set == NULL) return 0;
    const size_t bytes = CPU_ALLOC_SIZE(bits);
    CPU_ZERO_S(bytes, set);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    size_t count = 0;
    for (size_t i = 0; known && i < bits && i < capacity; i++) {
      if (CPU_ISSET_S(i, bytes, set)) {
        allowed[i] = 1;
        count++;
      }
    }
    CPU_FREE(set);
    if (known) return count;
  }
  return 0;
}

int martlet_restrict_processors(const uint8_t *allowed, size_t capacity) {
  cpu_set_t *set = CPU_ALLOC(capacity);
  if (set == NULL) return ENOMEM;
  const size_t bytes = CPU_ALLOC_SIZE(capacity);
  CPU_ZERO_S(bytes, set);
  for (size_t i = 0; i < capacity; i++) {
    if (allowed[i]) CPU_SET_S(i, bytes, set);
  }
  const int code = sched_setaffinity(0, bytes, set) == 0 ? 0 : errno;
  CPU_FREE(set);
  return code;
}

uint64_t martlet_peak_resident_bytes(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0) return 0;
  return (uint64_t)usage.ru_maxrss * 1024;
}

bool martlet_parse_double(const char *text, size_t count, double *value) {
  char copy[MARTLET_NUMBER_TEXT + 1];
  if (count == 0 || count > MARTLET_NUMBER_TEXT) return false;
  memcpy(copy, text, count);
  copy[count] = 0;
  char *end;
  *value = strtod(copy, &end);
  return end == copy + count;
}
