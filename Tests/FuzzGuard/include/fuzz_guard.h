// What the fuzzer's program needs of C: limits on memory and time, a file in memory, the program's entry.
#ifndef MARTLET_FUZZ_GUARD_H
#define MARTLET_FUZZ_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Once, before the first limit.
void martlet_fuzz_install(void);

/// From here on, a single allocation of more than `bytes`, or more than `seconds` of processor time, ends the process
/// with its stack and a message, which libFuzzer takes for a crash.
void martlet_fuzz_begin(size_t bytes, unsigned seconds);

/// Lifts both limits.
void martlet_fuzz_end(void);

/// The largest allocation since the limits were set.
size_t martlet_fuzz_largest(void);

/// Ends the process as a fault of the reader.
_Noreturn void martlet_fuzz_fail(const char *_Nonnull what);

/// Uses a value, so that the work behind it is done.
void martlet_fuzz_keep(uint8_t value);

/// A file in memory, open for reading and writing; below 0 where the system has none.
int martlet_fuzz_file(void);

/// Makes these the file's bytes, the only ones it has.
bool martlet_fuzz_fill(int file, const void *_Nullable bytes, size_t count);

/// What SwiftPM takes for the program's `main`: hands over to libFuzzer.
int martlet_fuzz_main(int argc, char *_Nonnull *_Nonnull argv);

#endif
