// Reading: mapped files, small files, directories.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "martlet_platform.h"

// O_NONBLOCK: opening a pipe without a writer must not wait. It has no effect on regular files.
static int open_for_reading(const char *path, int *descriptor) {
  do {
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (*descriptor < 0 && errno == EINTR);
  return *descriptor < 0 ? errno : 0;
}

int martlet_map_file(const char *path, martlet_mapping *mapping) {
  mapping->bytes = NULL;
  mapping->count = 0;
  int descriptor;
  int error = open_for_reading(path, &descriptor);
  if (error != 0) return error;
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    error = errno;
  } else if (!S_ISREG(status.st_mode)) {
    error = MARTLET_NOT_A_FILE;
  } else if ((uint64_t)status.st_size > (uint64_t)PTRDIFF_MAX) {
    error = EFBIG;
  } else if (status.st_size > 0) {
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (bytes == MAP_FAILED) {
      error = errno;
    } else {
      mapping->bytes = bytes;
      mapping->count = (size_t)status.st_size;
    }
  }
  close(descriptor);
  return error;
}

void martlet_unmap(martlet_mapping mapping) {
  if (mapping.bytes != NULL) munmap((void *)mapping.bytes, mapping.count);
}

size_t martlet_page_bytes(void) {
  long bytes = sysconf(_SC_PAGESIZE);
  return bytes > 0 ? (size_t)bytes : 4096;
}

int martlet_mapping_discard(martlet_mapping mapping, size_t offset, size_t count) {
  if (mapping.bytes == NULL || offset > mapping.count || count > mapping.count - offset) return 0;
  const size_t page = martlet_page_bytes();
  // Only pages that lie wholly inside: a neighbor's bytes may still be in use. The file's last page
  // belongs to the range that reaches the end.
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = offset + count == mapping.count ? mapping.count : (offset + count) / page * page;
  if (begin >= end) return 0;
  return madvise((void *)(mapping.bytes + begin), end - begin, MADV_DONTNEED) == 0 ? 0 : errno;
}

int martlet_mapping_prefetch(martlet_mapping mapping, size_t offset, size_t count) {
  if (mapping.bytes == NULL || offset > mapping.count || count > mapping.count - offset) return 0;
  const size_t begin = offset / martlet_page_bytes() * martlet_page_bytes();
  if (begin >= offset + count) return 0;
  void *start = (void *)(mapping.bytes + begin);
  return madvise(start, offset + count - begin, MADV_WILLNEED) == 0 ? 0 : errno;
}

int martlet_read_small_file(const char *path, uint8_t *buffer, size_t capacity, size_t *count) {
  *count = 0;
  int descriptor;
  int error = open_for_reading(path, &descriptor);
  if (error != 0) return error;
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    error = errno;
  } else if (!S_ISREG(status.st_mode)) {
    error = MARTLET_NOT_A_FILE;
  }
  while (error == 0) {
    uint8_t extra;
    const bool full = *count == capacity;
    ssize_t got = full ? read(descriptor, &extra, 1)
                       : read(descriptor, buffer + *count, capacity - *count);
    if (got == 0) break;
    if (got < 0) {
      if (errno != EINTR) error = errno;
    } else if (full) {
      error = MARTLET_TOO_LARGE;
    } else {
      *count += (size_t)got;
    }
  }
  close(descriptor);
  return error;
}

int martlet_path_examine(const char *path, martlet_path_kind *kind, uint64_t *byte_count) {
  *kind = MARTLET_PATH_MISSING;
  *byte_count = 0;
  struct stat status;
  if (stat(path, &status) != 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
  if (S_ISREG(status.st_mode)) {
    *kind = MARTLET_PATH_FILE;
    *byte_count = (uint64_t)status.st_size;
  } else {
    *kind = S_ISDIR(status.st_mode) ? MARTLET_PATH_DIRECTORY : MARTLET_PATH_OTHER;
  }
  return 0;
}

int martlet_list_directory(
  const char *path, void *context, void (*visit)(void *context, const char *name)) {
  DIR *directory = opendir(path);
  if (directory == NULL) return errno;
  int error = 0;
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(directory);
    if (entry == NULL) {
      error = errno;
      break;
    }
    const char *name = entry->d_name;
    const bool dots = name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
    if (!dots) visit(context, name);
  }
  closedir(directory);
  return error;
}

int martlet_make_directory(const char *path) { return mkdir(path, 0777) == 0 ? 0 : errno; }
