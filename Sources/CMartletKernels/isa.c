// Which kernels and instruction sets there are, which this machine has, and the table of each.

#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "kernel_declarations.h"

#if defined(__aarch64__)
// What the kernel says of the processor, by the numbers of its interface: asm/hwcap.h is not everywhere.
#define CAPABILITY_DOTPROD (1ul << 20)  // HWCAP_ASIMDDP
#define CAPABILITY_I8MM (1ul << 13)     // HWCAP2_I8MM
#endif

static const char *const names[MARTLET_ISA_COUNT] = {
  [MARTLET_ISA_SCALAR] = "scalar",
  [MARTLET_ISA_AVX2] = "avx2",
  [MARTLET_ISA_AVXVNNI] = "avxvnni",
  [MARTLET_ISA_AVX512VNNI] = "avx512vnni",
  [MARTLET_ISA_NEON] = "neon",
  [MARTLET_ISA_NEON_DOTPROD] = "neon-dotprod",
  [MARTLET_ISA_NEON_I8MM] = "neon-i8mm",
};

static const char *const kernel_names[] = {
#define MARTLET_KERNEL(name, params) #name,
#include "kernels.def"
#undef MARTLET_KERNEL
};

ptrdiff_t martlet_kernel_count(void) { return sizeof kernel_names / sizeof *kernel_names; }

const char *martlet_kernel_name(ptrdiff_t index) { return kernel_names[index]; }

bool martlet_isa_available(martlet_isa isa) {
  switch (isa) {
    case MARTLET_ISA_SCALAR:
      return true;
#if defined(__x86_64__)
    case MARTLET_ISA_AVX2:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case MARTLET_ISA_AVXVNNI:
      __builtin_cpu_init();
      return martlet_isa_available(MARTLET_ISA_AVX2) && __builtin_cpu_supports("avxvnni");
    case MARTLET_ISA_AVX512VNNI:
      __builtin_cpu_init();
      return martlet_isa_available(MARTLET_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
    case MARTLET_ISA_NEON:
      // Every 64-bit Arm has it, f16 conversions and fused multiply-add included.
      return true;
    case MARTLET_ISA_NEON_DOTPROD:
      return (getauxval(AT_HWCAP) & CAPABILITY_DOTPROD) != 0;
    case MARTLET_ISA_NEON_I8MM:
      return martlet_isa_available(MARTLET_ISA_NEON_DOTPROD) &&
             (getauxval(AT_HWCAP2) & CAPABILITY_I8MM) != 0;
#endif
    default:
      return false;
  }
}

martlet_isa martlet_isa_best(void) {
  for (int isa = MARTLET_ISA_COUNT - 1; isa > 0; --isa) {
    if (martlet_isa_available((martlet_isa)isa)) return (martlet_isa)isa;
  }
  return MARTLET_ISA_SCALAR;
}

const char *martlet_isa_name(martlet_isa isa) {
  return (unsigned)isa < MARTLET_ISA_COUNT ? names[isa] : "unknown";
}

bool martlet_isa_named(const char *name, martlet_isa *isa) {
  for (int i = 0; i < MARTLET_ISA_COUNT; ++i) {
    if (strcmp(name, names[i]) == 0) {
      *isa = (martlet_isa)i;
      return true;
    }
  }
  return false;
}

const martlet_kernels *martlet_kernels_for(martlet_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case MARTLET_ISA_AVX2:
      return &martlet_kernels_avx2;
    case MARTLET_ISA_AVXVNNI:
      return &martlet_kernels_avxvnni;
    case MARTLET_ISA_AVX512VNNI:
      return &martlet_kernels_avx512vnni;
#elif defined(__aarch64__)
    case MARTLET_ISA_NEON:
      return &martlet_kernels_neon;
    case MARTLET_ISA_NEON_DOTPROD:
      return &martlet_kernels_neon_dotprod;
    case MARTLET_ISA_NEON_I8MM:
      return &martlet_kernels_neon_i8mm;
#endif
    default:
      return &martlet_kernels_scalar;
  }
}
