#include "martlet_library_flags.h"

#include <stdatomic.h>
#include <stdlib.h>

struct martlet_flags {
  _Atomic bool running;
  _Atomic bool cancelled;
};

martlet_flags *martlet_flags_create(void) { return calloc(1, sizeof(martlet_flags)); }

void martlet_flags_destroy(martlet_flags *flags) { free(flags); }

bool martlet_flags_enter(martlet_flags *flags) {
  if (atomic_exchange(&flags->running, true)) return false;
  atomic_store(&flags->cancelled, false);
  return true;
}

void martlet_flags_leave(martlet_flags *flags) { atomic_store(&flags->running, false); }

void martlet_flags_cancel(martlet_flags *flags) { atomic_store(&flags->cancelled, true); }

bool martlet_flags_cancelled(const martlet_flags *flags) {
  return atomic_load_explicit(&flags->cancelled, memory_order_relaxed);
}
