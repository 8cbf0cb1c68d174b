// Counts the allocations of the calling thread, for tests that promise none.
#ifndef MARTLET_ALLOCATION_COUNTER_H
#define MARTLET_ALLOCATION_COUNTER_H

#include <stddef.h>

/// Calls of malloc and its relatives by this thread since it started.
///
/// The functions below stand in front of the C library's in every program that links this file, which test
/// programs do.
unsigned long martlet_allocations_of_thread(void);

#endif
