// The intrinsics of x86 or Arm and the switch that turns an instruction set on for the functions of a file:
//
//   #include "../martlet_intrinsics.h"
//   MARTLET_BEGIN_TARGET("avx2,fma,f16c")
//   …
//   MARTLET_END_TARGET
//
// The tests compile avx512vnni/ a second time over SIMDe, with their own header in place of this one.

#ifndef MARTLET_INTRINSICS_H
#define MARTLET_INTRINSICS_H

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define MARTLET_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define MARTLET_BEGIN_TARGET(features) \
  MARTLET_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define MARTLET_END_TARGET _Pragma("clang attribute pop")
#else
#define MARTLET_BEGIN_TARGET(features) \
  _Pragma("GCC push_options") MARTLET_PRAGMA(GCC target(features))
#define MARTLET_END_TARGET _Pragma("GCC pop_options")
#endif

/// Small functions of a kernel file, always merged into their caller.
#define MARTLET_INLINE static inline __attribute__((always_inline))

/// Ahead of a loop of constant length that must become straight code.
#if defined(__clang__)
#define MARTLET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MARTLET_UNROLL _Pragma("GCC unroll 64")
#endif

/// Makes the compiler forget how a pointer came about, so that it does not keep its neighbors in registers.
#define MARTLET_OPAQUE(pointer) __asm__("" : "+r"(pointer))

/// Keeps the compiler from computing a register's value later than here or something marked likewise after it earlier:
/// where nearly all registers are sums, its own order keeps too much in flight and spills.
#define MARTLET_ORDERED(value) __asm__ volatile("" : "+w"(value))

/// Makes the compiler believe that a register's value is used.
#if defined(__x86_64__)
#define MARTLET_KEEP(value) __asm__ volatile("" : : "v"(value))
#else
#define MARTLET_KEEP(value) __asm__ volatile("" : : "w"(value))
#endif

#endif
