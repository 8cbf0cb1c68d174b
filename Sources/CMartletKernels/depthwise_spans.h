// How a span of a depthwise convolution is cut into groups of outputs and blocks of pixels. Include it behind
//
//   window_pixels(p, kernel, stride, group, first, count)    some pixels, through the copy
//   pixels_in_place(p, kernel, group, first)                 eight pixels whose inputs are read where they lie
//   bias_part(p, h, output, lanes), activated(p, y)
//
// which is all that the instruction sets do differently.

#ifndef MARTLET_DEPTHWISE_SPANS_H
#define MARTLET_DEPTHWISE_SPANS_H

/// Whether eight output pixels from `first` of the span on can read their inputs in place.
MARTLET_INLINE bool lies_inside(
  const martlet_depthwise_f32_params *p, int kernel, const lane_group *g, ptrdiff_t first
) {
  ptrdiff_t start = p->first + first - kernel / 2;
  return g->lanes == LANES && p->count - first >= PIXELS && start >= 0 &&
         start + PIXELS - 1 + kernel <= p->width;
}

/// All pixels of the span for 16 outputs, for a kernel known to the compiler.
MARTLET_INLINE void run_group(
  const martlet_depthwise_f32_params *p, int kernel, int stride, bool in_place, lane_group *g
) {
  copy_pixels(
    p->weights, p->channels * p->multiplier, kernel * kernel, g->output, g->lanes, 1, g->weights);
  for (int h = 0; h < PARTS; ++h) g->bias[h] = bias_part(p, h, g->output, g->lanes);
  ptrdiff_t i = 0;
  while (i < p->count) {
    if (in_place && lies_inside(p, kernel, g, i)) {
      pixels_in_place(p, kernel, g, i);
      i += PIXELS;
    } else {
      ptrdiff_t reach = in_place ? PIXELS : 32 / stride;
      ptrdiff_t count = p->count - i < reach ? p->count - i : reach;
      window_pixels(p, kernel, stride, g, i, count);
      i += count;
    }
  }
}

/// Whether blocks away from the borders read their inputs where they lie. At stride 1 that is faster, unless the
/// pixels under a wide kernel fall on so few cache sets that they throw each other out: pitches of 512 bytes and
/// multiples. On Zen 3, 7 × 7: 35 GMAC/s in place at 96 channels against 23 copied, but 20 against 25 at 384. No Arm
/// board has judged it yet.
MARTLET_INLINE bool reads_in_place(
  const martlet_depthwise_f32_params *p, int kernel, int stride
) {
  if (stride != 1 || p->multiplier != 1) return false;
  if (kernel > 3 && p->pixel_stride % 128 == 0) return false;
  for (ptrdiff_t r = 0; r < kernel; ++r) {
    if (!p->rows[r]) return false;
  }
  return true;
}

/// All pixels and outputs of the span.
MARTLET_INLINE void run_span(const martlet_depthwise_f32_params *p, int kernel, int stride) {
  lane_group g;
  ptrdiff_t outputs = p->channels * p->multiplier;
  bool in_place = reads_in_place(p, kernel, stride);
  for (g.output = 0; g.output < outputs; g.output += LANES) {
    g.lanes = outputs - g.output < LANES ? outputs - g.output : LANES;
    run_group(p, kernel, stride, in_place, &g);
  }
}

static void span_3_1(const martlet_depthwise_f32_params *p) { run_span(p, 3, 1); }
static void span_3_2(const martlet_depthwise_f32_params *p) { run_span(p, 3, 2); }
static void span_7_1(const martlet_depthwise_f32_params *p) { run_span(p, 7, 1); }
static void span_7_2(const martlet_depthwise_f32_params *p) { run_span(p, 7, 2); }

/// One output of one pixel of any kernel.
static float single(const martlet_depthwise_f32_params *p, ptrdiff_t start, ptrdiff_t o) {
  ptrdiff_t outputs = p->channels * p->multiplier;
  float y = p->bias ? p->bias[o] : 0.0f;
  for (ptrdiff_t r = 0; r < p->kernel; ++r) {
    for (ptrdiff_t s = 0; s < p->kernel; ++s) {
      ptrdiff_t x = start + s;
      bool inside = p->rows[r] && x >= 0 && x < p->width;
      float input = inside ? p->rows[r][x * p->pixel_stride + o / p->multiplier] : 0.0f;
      y = __builtin_fmaf(input, p->weights[(r * p->kernel + s) * outputs + o], y);
    }
  }
  return activated(p, y);
}

static void span_any(const martlet_depthwise_f32_params *p) {
  for (ptrdiff_t i = 0; i < p->count; ++i) {
    ptrdiff_t start = (p->first + i) * p->stride - p->kernel / 2;
    for (ptrdiff_t o = 0; o < p->channels * p->multiplier; ++o) {
      p->destination[i * p->destination_stride + o] = single(p, start, o);
    }
  }
}

MARTLET_INLINE void depthwise(const martlet_depthwise_f32_params *p) {
  if (p->kernel == 3 && p->stride == 1) {
    span_3_1(p);
  } else if (p->kernel == 3 && p->stride == 2) {
    span_3_2(p);
  } else if (p->kernel == 7 && p->stride == 1) {
    span_7_1(p);
  } else if (p->kernel == 7 && p->stride == 2) {
    span_7_2(p);
  } else {
    span_any(p);
  }
}

#endif
