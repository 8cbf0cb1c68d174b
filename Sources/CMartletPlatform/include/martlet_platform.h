// The few calls of the platform that Swift cannot make itself, or cannot make well: mapped files,
// files that appear whole or not at all, a thread pool, the clock and what the machine is.
//
// Linux (glibc), C11, any 64-bit architecture. Functions that can fail return 0 or an errno value;
// they keep nothing after a failure. Nothing here prints.
#ifndef MARTLET_PLATFORM_H
#define MARTLET_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __has_feature
#if __has_feature(nullability)
#define MARTLET_NONNULL _Nonnull
#define MARTLET_NULLABLE _Nullable
#endif
#endif
#ifndef MARTLET_NONNULL
#define MARTLET_NONNULL
#define MARTLET_NULLABLE
#endif

// MARK: Reading

/// Not an errno value: the path names a directory, a device, a socket or a pipe.
#define MARTLET_NOT_A_FILE (-1)
/// Not an errno value: the file holds more bytes than the caller allows.
#define MARTLET_TOO_LARGE (-2)

/// A read-only mapping of a whole file; `bytes` is null for an empty file.
typedef struct {
  const uint8_t *MARTLET_NULLABLE bytes;
  size_t count;
} martlet_mapping;

/// Maps a file. Never blocks on a pipe. Returns 0, MARTLET_NOT_A_FILE or an errno value.
int martlet_map_file(const char *MARTLET_NONNULL path, martlet_mapping *MARTLET_NONNULL mapping);
void martlet_unmap(martlet_mapping mapping);

/// Lets go of the memory of whole pages inside the range; reading them again reads the file again.
int martlet_mapping_discard(martlet_mapping mapping, size_t offset, size_t count);
/// Asks the system to read the range ahead.
int martlet_mapping_prefetch(martlet_mapping mapping, size_t offset, size_t count);

/// A thread that asks for a range part by part, since asking for much may wait for the device.
typedef struct martlet_reading martlet_reading;

/// Starts it; the mapping must live until it is stopped. Returns 0 or an errno value (EINVAL: not inside the mapping).
int martlet_reading_start(
  martlet_mapping mapping, size_t offset, size_t count,
  martlet_reading *MARTLET_NULLABLE *MARTLET_NONNULL reading);
/// Asks for nothing more, waits for the part that is being asked for, and frees everything.
void martlet_reading_stop(martlet_reading *MARTLET_NONNULL reading);

/// Reads a small file whole, `/proc` and `/sys` included (their size is not known beforehand).
/// Returns 0, MARTLET_NOT_A_FILE, MARTLET_TOO_LARGE or an errno value.
int martlet_read_small_file(
  const char *MARTLET_NONNULL path, uint8_t *MARTLET_NONNULL buffer, size_t capacity,
  size_t *MARTLET_NONNULL count);

/// What a path names.
typedef enum {
  MARTLET_PATH_MISSING = 0,
  MARTLET_PATH_FILE = 1,
  MARTLET_PATH_DIRECTORY = 2,
  MARTLET_PATH_OTHER = 3,
} martlet_path_kind;

/// Follows symbolic links; a missing path is a kind, not an error.
int martlet_path_examine(
  const char *MARTLET_NONNULL path, martlet_path_kind *MARTLET_NONNULL kind,
  uint64_t *MARTLET_NONNULL byte_count);

/// Calls `visit` with each name in a directory, `.` and `..` left out, in no particular order.
int martlet_list_directory(
  const char *MARTLET_NONNULL path, void *MARTLET_NULLABLE context,
  void (*MARTLET_NONNULL visit)(void *MARTLET_NULLABLE context, const char *MARTLET_NONNULL name));

/// Makes one directory; its parent must exist.
int martlet_make_directory(const char *MARTLET_NONNULL path);

// MARK: Writing

/// A file that is being written and has no name, or only a temporary one, until it is committed.
typedef struct martlet_partial martlet_partial;

/// Starts a file beside `target`, first removing temporary files that a killed run left for it.
///
/// Where the file system can (and `named` is false), the file has no name and a kill leaves nothing.
/// Elsewhere it is called `.NAME.XXXXXXXX.partial` and locked, so that a later run can tell a leftover
/// from a file in use. Refuses (MARTLET_NOT_A_FILE) to replace anything but a regular file.
int martlet_partial_create(
  const char *MARTLET_NONNULL target, bool named,
  martlet_partial *MARTLET_NULLABLE *MARTLET_NONNULL partial);
/// Writes everything at an offset, or fails.
int martlet_partial_write(
  const martlet_partial *MARTLET_NONNULL partial, const void *MARTLET_NONNULL bytes, size_t count,
  uint64_t offset);
/// The descriptor of the file, for reading what was written; it stays the partial's own.
int martlet_partial_descriptor(const martlet_partial *MARTLET_NONNULL partial);
/// Syncs the file, gives it the name of its target and syncs the directory. The partial is over
/// after this, whether it succeeded or not; a failure before the renaming leaves nothing of it.
int martlet_partial_commit(martlet_partial *MARTLET_NONNULL partial);
/// Throws the file away.
void martlet_partial_abandon(martlet_partial *MARTLET_NONNULL partial);

// MARK: Machine

/// Nanoseconds of a clock that never goes back.
uint64_t martlet_clock_nanoseconds(void);

/// Marks the processors this process may run on, one byte each; returns how many bytes were set,
/// 0 when the system does not say.
size_t martlet_allowed_processors(uint8_t *MARTLET_NONNULL allowed, size_t capacity);

/// Lets this thread, and those it makes from now on, run on the marked processors only. Returns 0 or an errno value
/// (EINVAL where none of them is there or allowed).
int martlet_restrict_processors(const uint8_t *MARTLET_NONNULL allowed, size_t capacity);

/// The most memory this process ever held, in bytes, by getrusage.
uint64_t martlet_peak_resident_bytes(void);
size_t martlet_page_bytes(void);

/// Zeroed memory for large buffers, aligned to pages; null where the system has none to give.
void *MARTLET_NULLABLE martlet_allocate(size_t count);
/// The same for memory used in scattered parts: only the pages that are touched cost anything.
void *MARTLET_NULLABLE martlet_reserve(size_t count);
/// Takes whole blocks of 64 bytes into a SHA-256 state by the processor's instructions for it; false, and nothing
/// done, where it has none.
bool martlet_sha256_blocks(
    uint32_t *MARTLET_NONNULL state, const uint8_t *MARTLET_NONNULL bytes, size_t blocks);
/// Asks for large pages where memory from elsewhere spans some: fresh memory is then touched at a fraction of
/// the cost. Changes nothing else.
void martlet_prefer_large_pages(const void *MARTLET_NONNULL bytes, size_t count);
/// Gives back what `martlet_allocate` or `martlet_reserve` gave, with the same count.
void martlet_deallocate(void *MARTLET_NONNULL bytes, size_t count);

// MARK: Process

/// Writes everything to a stream (1: standard output, 2: standard error); 0 or an errno value.
int martlet_write_stream(int descriptor, const void *MARTLET_NONNULL bytes, size_t count);
/// Makes a file that passes the limit of its size an error of the write (EFBIG) instead of the
/// process's end.
void martlet_refuse_size_signal(void);

/// Ends the process.
_Noreturn void martlet_exit(int code);

/// The system's words for an errno value, zero-terminated; returns their length.
size_t martlet_error_text(int code, char *MARTLET_NONNULL buffer, size_t capacity);

/// What an errno value means for the person who must act on it.
typedef enum {
  MARTLET_FAULT_OTHER = 0,
  MARTLET_FAULT_MISSING = 1,
  MARTLET_FAULT_NOT_A_DIRECTORY = 2,
  MARTLET_FAULT_FULL = 3,
  MARTLET_FAULT_TOO_LARGE = 4,
  MARTLET_FAULT_DENIED = 5,
} martlet_fault;
martlet_fault martlet_error_fault(int code);

// MARK: Threads

typedef struct martlet_pool martlet_pool;

/// One unit of work. `worker` is in 0 ..< threads and no two running calls share it.
typedef void (*martlet_pool_body)(void *MARTLET_NULLABLE context, size_t index, size_t worker);

/// How indices are given to workers.
typedef enum {
  /// Whoever is free takes the next index: uneven work, shared machines.
  MARTLET_POOL_DYNAMIC = 0,
  /// Worker w always takes indices w·count/threads ..< (w+1)·count/threads: warm caches.
  MARTLET_POOL_STATIC = 1,
} martlet_pool_schedule;

/// A pool of `threads` workers, the caller being one of them (so 1 makes no thread).
/// Returns 0 or the errno value of the thread that could not be made.
int martlet_pool_create(size_t threads, martlet_pool *MARTLET_NULLABLE *MARTLET_NONNULL pool);
/// Ends and joins the workers. No region may be running.
void martlet_pool_destroy(martlet_pool *MARTLET_NONNULL pool);
size_t martlet_pool_threads(const martlet_pool *MARTLET_NONNULL pool);

/// Calls `body` once for each index below `count` (at most 2^32 − 1) and returns when all are done.
///
/// Called from inside a body, of any pool, it runs all indices at once on the calling worker.
/// Returns false, having done nothing, when another thread is running a region of this pool.
bool martlet_pool_run(
  martlet_pool *MARTLET_NONNULL pool, size_t count, martlet_pool_schedule schedule,
  martlet_pool_body MARTLET_NONNULL body, void *MARTLET_NULLABLE context);

// MARK: Text

/// The double nearest to a number in JSON's grammar; `text` need not end in a zero byte.
/// Returns false for text longer than `MARTLET_NUMBER_TEXT` bytes or not wholly a number.
#define MARTLET_NUMBER_TEXT 1023
bool martlet_parse_double(
  const char *MARTLET_NONNULL text, size_t count, double *MARTLET_NONNULL value);

// MARK: Functions of the math library, for modules that import no C library

double martlet_cosine(double x);
double martlet_sine(double x);
double martlet_power(double base, double exponent);

#endif
