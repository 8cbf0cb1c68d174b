// Reading ahead: a thread that asks the system for one part of a mapped file after the other.
//
// Asking alone would often do, but where a device's queue is full the call waits for it, and the one who asks has
// something to compute meanwhile.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "martlet_platform.h"

// So long may stopping take: well below a second even on a slow memory card.
enum { part_bytes = 4 << 20 };

struct martlet_reading {
  martlet_mapping mapping;
  size_t offset;
  size_t count;
  _Atomic bool stopping;
  pthread_t thread;
};

static void *ask(void *context) {
  martlet_reading *reading = context;
  for (size_t done = 0; done < reading->count; done += part_bytes) {
    const size_t left = reading->count - done;
    const size_t part = left < part_bytes ? left : part_bytes;
    if (atomic_load_explicit(&reading->stopping, memory_order_relaxed)) break;
    if (martlet_mapping_prefetch(reading->mapping, reading->offset + done, part) != 0) break;
  }
  return NULL;
}

int martlet_reading_start(
  martlet_mapping mapping, size_t offset, size_t count, martlet_reading **started) {
  *started = NULL;
  if (offset > mapping.count || count > mapping.count - offset) return EINVAL;
  martlet_reading *reading = calloc(1, sizeof *reading);
  if (reading == NULL) return ENOMEM;
  reading->mapping = mapping;
  reading->offset = offset;
  reading->count = count;
  // Signals are for the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&reading->thread, NULL, ask, reading);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) {
    free(reading);
    return error;
  }
  *started = reading;
  return 0;
}

void martlet_reading_stop(martlet_reading *reading) {
  atomic_store_explicit(&reading->stopping, true, memory_order_relaxed);
  pthread_join(reading->thread, NULL);
  free(reading);
}
