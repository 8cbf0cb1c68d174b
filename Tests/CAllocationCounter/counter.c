#include "allocation_counter.h"

#include <errno.h>

static _Thread_local unsigned long allocations;

unsigned long martlet_allocations_of_thread(void) { return allocations; }

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

void *__libc_malloc(size_t count);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t count);
void *__libc_memalign(size_t alignment, size_t count);

void *malloc(size_t count) {
  allocations++;
  return __libc_malloc(count);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t count) {
  allocations++;
  return __libc_realloc(block, count);
}

void *aligned_alloc(size_t alignment, size_t count) {
  allocations++;
  return __libc_memalign(alignment, count);
}

int posix_memalign(void **block, size_t alignment, size_t count) {
  allocations++;
  void *found = __libc_memalign(alignment, count);
  if (found == NULL) return ENOMEM;
  *block = found;
  return 0;
}

#endif
