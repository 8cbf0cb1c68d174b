// Large memory, straight from the system.
#define _GNU_SOURCE
#include <sys/mman.h>

#include "martlet_platform.h"

void *martlet_reserve(size_t count) {
  if (count == 0) return NULL;
  void *bytes = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return bytes == MAP_FAILED ? NULL : bytes;
}

void *martlet_allocate(size_t count) {
  void *bytes = martlet_reserve(count);
  if (bytes == NULL) return NULL;
  // Weights are streamed through once a token: large pages spare the address translation.
  (void)madvise(bytes, count, MADV_HUGEPAGE);
  return bytes;
}

void martlet_prefer_large_pages(const void *bytes, size_t count) {
  const uintptr_t page = martlet_page_bytes();
  const uintptr_t begin = ((uintptr_t)bytes + page - 1) / page * page;
  const uintptr_t end = ((uintptr_t)bytes + count) / page * page;
  if (begin < end) (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

void martlet_deallocate(void *bytes, size_t count) { munmap(bytes, count); }
