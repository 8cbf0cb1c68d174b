// Writing files that appear whole or not at all.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "martlet_platform.h"

static const char suffix[] = ".partial";
enum { code_length = 8, maximum_attempts = 64 };

struct martlet_partial {
  int descriptor;
  char target[PATH_MAX];
  // The directory of the target and its name, which points into `target`.
  char directory[PATH_MAX];
  const char *name;
  // Empty while the file has no name; otherwise the path of the temporary file.
  char path[PATH_MAX];
};

// Copies the target and splits it into its directory ("." when there is none) and name.
static int set_target(martlet_partial *partial, const char *target) {
  const size_t length = strlen(target);
  if (length >= sizeof partial->target) return ENAMETOOLONG;
  memcpy(partial->target, target, length + 1);
  target = partial->target;
  const char *slash = strrchr(target, '/');
  partial->name = slash == NULL ? target : slash + 1;
  if (partial->name[0] == 0 || strcmp(partial->name, ".") == 0 || strcmp(partial->name, "..") == 0) {
    return EISDIR;
  }
  size_t count = slash == NULL ? 0 : (size_t)(slash - target);
  const char *source = target;
  if (slash == NULL) {
    source = ".";
    count = 1;
  } else if (count == 0) {
    source = "/";
    count = 1;
  }
  memcpy(partial->directory, source, count);
  partial->directory[count] = 0;
  return 0;
}

// Whether `entry` is `.NAME.XXXXXXXX.partial`.
static bool is_leftover(const char *entry, const char *name) {
  const size_t length = strlen(name);
  return entry[0] == '.' && strncmp(entry + 1, name, length) == 0 && entry[1 + length] == '.'
      && strlen(entry) == 1 + length + 1 + code_length + sizeof suffix - 1
      && strcmp(entry + 1 + length + 1 + code_length, suffix) == 0;
}

// Removes what killed runs left: files of this target's temporary name that nobody holds locked.
// Best effort: a leftover that cannot be removed harms nothing.
static void remove_leftovers(const char *directory, const char *name) {
  DIR *stream = opendir(directory);
  if (stream == NULL) return;
  struct dirent *entry;
  while ((entry = readdir(stream)) != NULL) {
    if (!is_leftover(entry->d_name, name)) continue;
    int descriptor = openat(
      dirfd(stream), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) continue;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(stream), entry->d_name, 0);
    close(descriptor);
  }
  closedir(stream);
}

// Sets the path to `DIRECTORY/.NAME.XXXXXXXX.partial` with a fresh code.
static int set_temporary_path(martlet_partial *partial) {
  static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
  uint8_t random[code_length];
  if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
    uint64_t time = martlet_clock_nanoseconds() ^ (uint64_t)getpid() << 32;
    memcpy(random, &time, sizeof random);
  }
  char code[code_length + 1];
  for (size_t i = 0; i < code_length; i++) code[i] = alphabet[random[i] & 31];
  code[code_length] = 0;
  int length = snprintf(
    partial->path, sizeof partial->path, "%s/.%s.%s%s", partial->directory, partial->name, code,
    suffix);
  if (length >= 0 && (size_t)length < sizeof partial->path) return 0;
  partial->path[0] = 0;
  return ENAMETOOLONG;
}

// Creates and locks a named temporary file.
static int create_named(martlet_partial *partial) {
  for (int attempt = 0; attempt < maximum_attempts; attempt++) {
    int error = set_temporary_path(partial);
    if (error == 0) {
      partial->descriptor = open(partial->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (partial->descriptor >= 0) {
        // A file system without locks only loses the cleaning up of leftovers.
        (void)flock(partial->descriptor, LOCK_EX | LOCK_NB);
        return 0;
      }
      error = errno;
    }
    partial->path[0] = 0;
    if (error != EEXIST && error != EINTR) return error;
  }
  return EEXIST;
}

static int create(martlet_partial *partial, const char *target, bool named) {
  int error = set_target(partial, target);
  if (error != 0) return error;
  martlet_path_kind kind;
  uint64_t byte_count;
  error = martlet_path_examine(target, &kind, &byte_count);
  if (error != 0) return error;
  if (kind == MARTLET_PATH_DIRECTORY || kind == MARTLET_PATH_OTHER) return MARTLET_NOT_A_FILE;
  remove_leftovers(partial->directory, partial->name);
  if (!named) {
    partial->descriptor = open(partial->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (partial->descriptor >= 0) return 0;
    // Kernels and file systems without nameless files say so in different ways; a true obstacle
    // (no permission, no such directory) comes back from the named attempt.
  }
  return create_named(partial);
}

int martlet_partial_create(const char *target, bool named, martlet_partial **result) {
  *result = NULL;
  martlet_partial *partial = malloc(sizeof(martlet_partial));
  if (partial == NULL) return ENOMEM;
  partial->descriptor = -1;
  partial->path[0] = 0;
  int error = create(partial, target, named);
  if (error != 0) {
    free(partial);
    return error;
  }
  *result = partial;
  return 0;
}

int martlet_partial_write(
  const martlet_partial *partial, const void *bytes, size_t count, uint64_t offset) {
  const uint8_t *next = bytes;
  if (offset > (uint64_t)INT64_MAX || count > (uint64_t)INT64_MAX - offset) return EFBIG;
  while (count > 0) {
    ssize_t written = pwrite(partial->descriptor, next, count, (off_t)offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    if (written == 0) return ENOSPC;
    next += written;
    count -= (size_t)written;
    offset += (uint64_t)written;
  }
  return 0;
}

// Copies the nameless file into a named one: for file systems that cannot link it.
static int copy_to_named(martlet_partial *partial) {
  const int source = partial->descriptor;
  int error = create_named(partial);
  if (error != 0) partial->descriptor = source;
  uint8_t buffer[65536];
  uint64_t offset = 0;
  while (error == 0) {
    ssize_t got = pread(source, buffer, sizeof buffer, (off_t)offset);
    if (got == 0) break;
    if (got < 0) {
      if (errno != EINTR) error = errno;
      continue;
    }
    error = martlet_partial_write(partial, buffer, (size_t)got, offset);
    offset += (uint64_t)got;
  }
  if (partial->descriptor != source) close(source);
  return error;
}

// Gives the nameless file its temporary name, which the rename then replaces by the true one:
// linking cannot take the place of an existing file.
static int give_name(martlet_partial *partial) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", partial->descriptor);
  (void)flock(partial->descriptor, LOCK_EX | LOCK_NB);
  for (int attempt = 0; attempt < maximum_attempts; attempt++) {
    int error = set_temporary_path(partial);
    if (error != 0) return error;
    if (linkat(AT_FDCWD, link, AT_FDCWD, partial->path, AT_SYMLINK_FOLLOW) == 0) return 0;
    error = errno;
    partial->path[0] = 0;
    if (error == ENOSPC || error == EDQUOT || error == EACCES || error == EROFS) return error;
    if (error != EEXIST) return copy_to_named(partial);
  }
  return EEXIST;
}

static int sync_directory(const char *directory) {
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  // Some file systems cannot sync a directory and say EINVAL: nothing more can be done there.
  return error == EINVAL ? 0 : error;
}

int martlet_partial_descriptor(const martlet_partial *partial) { return partial->descriptor; }

int martlet_partial_commit(martlet_partial *partial) {
  int error = partial->path[0] == 0 ? give_name(partial) : 0;
  if (error == 0 && fsync(partial->descriptor) != 0) error = errno;
  if (error == 0 && rename(partial->path, partial->target) != 0) error = errno;
  if (error == 0) {
    // The file has its true name now. A late write error (network disks) surfaces in close.
    partial->path[0] = 0;
    if (close(partial->descriptor) != 0 && errno != EINTR) error = errno;
    partial->descriptor = -1;
    if (error == 0) error = sync_directory(partial->directory);
  }
  martlet_partial_abandon(partial);
  return error;
}

void martlet_partial_abandon(martlet_partial *partial) {
  if (partial->path[0] != 0) unlink(partial->path);
  if (partial->descriptor >= 0) close(partial->descriptor);
  free(partial);
}
