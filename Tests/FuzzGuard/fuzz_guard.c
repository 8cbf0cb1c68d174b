#define _GNU_SOURCE
#include "fuzz_guard.h"

#include <pthread.h>
#include <sanitizer/allocator_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *, size_t));
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/// 0 where none is set. Readers run on one thread; the pool's others do not exist.
static size_t limit;
static size_t largest;

_Noreturn void martlet_fuzz_fail(const char *what) {
  limit = 0;
  fprintf(stderr, "martlet-fuzz: %s\n", what);
  __sanitizer_print_stack_trace();
  abort();
}

static void after_malloc(const volatile void *block, size_t count) {
  (void)block;
  if (limit == 0) return;
  if (count > largest) largest = count;
  if (count <= limit) return;
  char what[96];
  snprintf(what, sizeof what, "an allocation of %zu bytes where %zu are allowed", count, limit);
  martlet_fuzz_fail(what);
}

static void before_free(const volatile void *block) { (void)block; }

static void out_of_time(int number) {
  (void)number;
  martlet_fuzz_fail("more processor time than one input may take");
}

/// A copy of the process that tries an HDF5 file has its own limits, and its end is no fault of the reader.
static void in_child(void) {
  limit = 0;
  __sanitizer_set_death_callback(NULL);
}

void martlet_fuzz_install(void) {
  struct sigaction action = {.sa_handler = out_of_time};
  if (sigaction(SIGPROF, &action, NULL) != 0 || pthread_atfork(NULL, NULL, in_child) != 0 ||
      !__sanitizer_install_malloc_and_free_hooks(after_malloc, before_free)) {
    martlet_fuzz_fail("the limits cannot be set up");
  }
}

static void set_timer(unsigned seconds) {
  const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
  setitimer(ITIMER_PROF, &timer, NULL);
}

void martlet_fuzz_begin(size_t bytes, unsigned seconds) {
  largest = 0;
  limit = bytes;
  set_timer(seconds);
}

void martlet_fuzz_end(void) {
  set_timer(0);
  limit = 0;
}

size_t martlet_fuzz_largest(void) { return largest; }

void martlet_fuzz_keep(uint8_t value) {
  static volatile uint8_t kept;
  kept = value;
}

int martlet_fuzz_file(void) { return memfd_create("martlet-fuzz", 0); }

bool martlet_fuzz_fill(int file, const void *bytes, size_t count) {
  return ftruncate(file, 0) == 0 && pwrite(file, bytes, count, 0) == (ssize_t)count;
}

int martlet_fuzz_main(int argc, char **argv) {
  return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput);
}
