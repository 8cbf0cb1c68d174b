// Tile kernels, one table per instruction set.
//
// In:      pointers into the caller's buffers, extents and strides in elements, constants in one struct.
// Out:     the destination tile and nothing else; no allocation, no global state, no I/O.
// Refuses: nothing. Extents must be as documented; checking them is the caller's work, once per layer.
//
// The arithmetic is normative: `scalar/` defines every result and every other ISA equals it bit for bit,
// floats included (a NaN may differ in sign and payload). All kernels assume the default rounding mode.
//
// Common rules, unless a kernel says otherwise:
//   - an extent may be 0 (then nothing is written); `m` counts rows, `k` inputs, `n` outputs;
//   - a stride counts elements between the starts of consecutive rows and is at least the row's width;
//   - no alignment is needed beyond the element's own;
//   - a kernel reads only the elements its extents name and writes only the named part of each row;
//   - source and destination may be the same rows with the same stride where "in place" is said;
//     every other overlap is a bug.
// A reduction over a row keeps 16 lanes: lane l takes elements l, l + 16, … in order, then lanes are
// combined l with l + 8, with l + 4, with l + 2, with l + 1.
//
// Stack: up to 192 KiB in the matrix products, little elsewhere.

#ifndef MARTLET_KERNELS_H
#define MARTLET_KERNELS_H

#include "martlet_kernels/attention.h"
#include "martlet_kernels/basics.h"
#include "martlet_kernels/conversions.h"
#include "martlet_kernels/maps.h"
#include "martlet_kernels/matrix_products.h"
#include "martlet_kernels/rows.h"

// MARK: Instruction sets

/// Instruction sets with a table, in ascending order of preference.
typedef enum martlet_isa {
  /// Plain C; the definition of all results.
  MARTLET_ISA_SCALAR = 0,
  /// x86-64 with AVX2, FMA and F16C.
  MARTLET_ISA_AVX2 = 1,
  /// x86-64 with AVX2 and AVX-VNNI, the 8-bit products of AVX-512 on 256 bits.
  MARTLET_ISA_AVXVNNI = 2,
  /// x86-64 with AVX-512 F, BW, VL, DQ and VNNI.
  MARTLET_ISA_AVX512VNNI = 3,
  /// 64-bit Arm as of ARMv8.0.
  MARTLET_ISA_NEON = 4,
  /// 64-bit Arm with the 8-bit dot products of ARMv8.2.
  MARTLET_ISA_NEON_DOTPROD = 5,
  /// 64-bit Arm with dot products and the 8-bit matrix products of ARMv8.6.
  MARTLET_ISA_NEON_I8MM = 6,
} martlet_isa;

/// How many values `martlet_isa` has.
#define MARTLET_ISA_COUNT 7

// MARK: Probes

/// Runs the products' inner instructions `iterations` times on registers: the machine's peak, when timed.
typedef struct martlet_probe_params {
  ptrdiff_t iterations;
  /// Multiply-adds done, written.
  uint64_t *MARTLET_NONNULL multiply_adds;
} martlet_probe_params;

/// Reads a word of every line of 64 bytes of whole fours of lines, in order, and gives their sum: the memory's rate, when
/// timed on a block larger than the caches.
uint64_t martlet_read_lines(const void *MARTLET_NONNULL bytes, ptrdiff_t count);

// MARK: The table

/// One function per kernel of `kernels.def`, each `void (*)(const params *)`.
typedef struct martlet_kernels {
#define MARTLET_KERNEL(name, params) \
  void (*MARTLET_NONNULL name)(const params *MARTLET_NONNULL params_);
#include "kernels.def"
#undef MARTLET_KERNEL
} martlet_kernels;

/// How many kernels the list has.
ptrdiff_t martlet_kernel_count(void);

/// The name of a kernel in the list, 0 ..< count.
const char *MARTLET_NONNULL martlet_kernel_name(ptrdiff_t index);

/// Whether this machine can run the instruction set.
bool martlet_isa_available(martlet_isa isa);

/// The most preferred instruction set this machine can run.
martlet_isa martlet_isa_best(void);

/// `"scalar"`, `"avx2"`, `"avxvnni"`, `"avx512vnni"`, `"neon"`, `"neon-dotprod"`, `"neon-i8mm"`; `"unknown"` for any
/// other value.
const char *MARTLET_NONNULL martlet_isa_name(martlet_isa isa);

/// Finds an instruction set by name; false, and `isa` untouched, if there is none of that name.
bool martlet_isa_named(const char *MARTLET_NONNULL name, martlet_isa *MARTLET_NONNULL isa);

/// The table of an instruction set, constant for the life of the process. Calling its kernels needs
/// `martlet_isa_available(isa)`. A set that this build's architecture does not have gives the scalar table.
const martlet_kernels *MARTLET_NONNULL martlet_kernels_for(martlet_isa isa);

#endif
