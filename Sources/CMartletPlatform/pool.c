// A thread pool for regions of microseconds: bounded spinning, then a futex.
//
// A region publishes its work in queue words, (epoch << 32 | remaining). A worker claims an index by
// lowering `remaining` with compare-and-swap, so a claim can only succeed on a region that is still
// running and cannot end before the claimed index is done. Nobody waits for a worker that slept
// through a dynamic region: the caller takes the work itself.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "martlet_platform.h"

// About 20 to 40 µs. Much longer spinning ruins a shared machine: the thread that has work waits
// for a core on which another only spins.
enum { spin_turns = 1000, line_bytes = 128 };

// A body: a C function, or the two words of a Swift closure.
typedef struct {
  martlet_pool_body function;
  void *closure;
  void *context;
} task;

#if __has_attribute(swiftcall)
typedef __attribute__((swiftcall)) void (*swift_body)(
  size_t index, size_t worker, __attribute__((swift_context)) void *context);
#endif

static void perform(task task, size_t index, size_t worker) {
#if __has_attribute(swiftcall)
  if (task.function == NULL) {
    ((swift_body)task.closure)(index, worker, task.context);
    return;
  }
#endif
  task.function(task.context, index, worker);
}

typedef struct {
  _Alignas(line_bytes) _Atomic uint64_t word;
  size_t begin;
  size_t count;
} queue;

typedef struct {
  martlet_pool *pool;
  size_t index;
  pthread_t thread;
} worker;

struct martlet_pool {
  size_t threads;
  worker *workers;
  // One queue per worker (static regions), and one for all (dynamic regions).
  queue *queues;
  // Written by the caller before a region, read by whoever claimed an index of it.
  task task;
  size_t count;
  // What workers wait for.
  _Alignas(line_bytes) _Atomic uint32_t epoch;
  _Atomic bool stopping;
  _Alignas(line_bytes) _Atomic uint32_t sleepers;
  // What the caller waits for.
  _Alignas(line_bytes) _Atomic uint32_t completed;
  _Atomic bool caller_sleeps;
  _Alignas(line_bytes) _Atomic bool running;
};

// Which worker this thread is while it runs a body; SIZE_MAX outside.
static _Thread_local size_t current_worker = SIZE_MAX;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

static void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

// Runs what can be claimed from a queue; returns when nothing is left to claim.
static void drain(martlet_pool *pool, queue *queue, size_t worker) {
  uint64_t word = atomic_load_explicit(&queue->word, memory_order_acquire);
  uint32_t done = 0;
  size_t count = 0;
  for (;;) {
    const uint32_t remaining = (uint32_t)word;
    if (remaining == 0) break;
    if (!atomic_compare_exchange_weak_explicit(
          &queue->word, &word, word - 1, memory_order_acquire, memory_order_acquire)) {
      continue;
    }
    // Claimed: the region cannot end before this index is reported, so its fields hold still.
    count = pool->count;
    current_worker = worker;
    perform(pool->task, queue->begin + (queue->count - remaining), worker);
    current_worker = SIZE_MAX;
    done += 1;
    word -= 1;
    if ((uint32_t)word != 0) word = atomic_load_explicit(&queue->word, memory_order_acquire);
  }
  if (done == 0) return;
  const uint32_t before = atomic_fetch_add(&pool->completed, done);
  if (before + done == (uint32_t)count && worker != 0 && atomic_load(&pool->caller_sleeps)) {
    futex_wake(&pool->completed, 1);
  }
}

static void *work(void *argument) {
  const worker *self = argument;
  martlet_pool *pool = self->pool;
  uint32_t seen = 0;
  for (;;) {
    uint32_t epoch = atomic_load_explicit(&pool->epoch, memory_order_acquire);
    for (int turn = 0; epoch == seen && turn < spin_turns; turn++) {
      relax();
      epoch = atomic_load_explicit(&pool->epoch, memory_order_acquire);
    }
    if (epoch == seen) {
      // Counted before the last look, so the caller either sees a sleeper or is seen.
      atomic_fetch_add(&pool->sleepers, 1);
      while ((epoch = atomic_load(&pool->epoch)) == seen) futex_wait(&pool->epoch, seen);
      atomic_fetch_sub(&pool->sleepers, 1);
    }
    seen = epoch;
    if (atomic_load_explicit(&pool->stopping, memory_order_acquire)) return NULL;
    drain(pool, &pool->queues[pool->threads], self->index);
    drain(pool, &pool->queues[self->index], self->index);
  }
}

static void stop(martlet_pool *pool, size_t started) {
  atomic_store(&pool->stopping, true);
  atomic_fetch_add(&pool->epoch, 1);
  futex_wake(&pool->epoch, INT32_MAX);
  for (size_t i = 1; i < started; i++) pthread_join(pool->workers[i].thread, NULL);
  free(pool->workers);
  free(pool->queues);
  free(pool);
}

int martlet_pool_create(size_t threads, martlet_pool **result) {
  *result = NULL;
  if (threads == 0 || threads > 4096) return EINVAL;
  martlet_pool *pool = aligned_alloc(line_bytes, sizeof(martlet_pool));
  queue *queues = aligned_alloc(line_bytes, (threads + 1) * sizeof(queue));
  worker *workers = calloc(threads, sizeof(worker));
  if (pool == NULL || queues == NULL || workers == NULL) {
    free(pool);
    free(queues);
    free(workers);
    return ENOMEM;
  }
  memset(pool, 0, sizeof *pool);
  memset(queues, 0, (threads + 1) * sizeof(queue));
  pool->threads = threads;
  pool->queues = queues;
  pool->workers = workers;
  // Workers leave signals to the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  size_t started = 1;
  for (; started < threads; started++) {
    workers[started].pool = pool;
    workers[started].index = started;
    error = pthread_create(&workers[started].thread, NULL, work, &workers[started]);
    if (error != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) {
    stop(pool, started);
    return error;
  }
  *result = pool;
  return 0;
}

void martlet_pool_destroy(martlet_pool *pool) { stop(pool, pool->threads); }

size_t martlet_pool_threads(const martlet_pool *pool) { return pool->threads; }

// Runs every index here; `worker` stays what the thread is already, so a body's own scratch is safe
// from other workers but not from a region started inside it.
static void run_inline(size_t count, task task) {
  const size_t before = current_worker;
  const size_t worker = before == SIZE_MAX ? 0 : before;
  current_worker = worker;
  for (size_t i = 0; i < count; i++) perform(task, i, worker);
  current_worker = before;
}

static void publish(queue *queue, uint32_t epoch, size_t begin, size_t count) {
  queue->begin = begin;
  queue->count = count;
  const uint64_t word = (uint64_t)epoch << 32 | (uint32_t)count;
  atomic_store_explicit(&queue->word, word, memory_order_release);
}

static void hand_out(martlet_pool *pool, uint32_t epoch, martlet_pool_schedule schedule) {
  const size_t threads = pool->threads, count = pool->count;
  if (schedule == MARTLET_POOL_DYNAMIC) {
    publish(&pool->queues[threads], epoch, 0, count);
    return;
  }
  for (size_t i = 0; i < threads; i++) {
    const size_t begin = i * count / threads;
    publish(&pool->queues[i], epoch, begin, (i + 1) * count / threads - begin);
  }
}

static void wait_for_completion(martlet_pool *pool, uint32_t count) {
  for (int turn = 0; turn < spin_turns; turn++) {
    if (atomic_load_explicit(&pool->completed, memory_order_acquire) == count) return;
    relax();
  }
  atomic_store(&pool->caller_sleeps, true);
  uint32_t completed;
  while ((completed = atomic_load(&pool->completed)) != count) {
    futex_wait(&pool->completed, completed);
  }
  atomic_store(&pool->caller_sleeps, false);
}

static bool run(martlet_pool *pool, size_t count, martlet_pool_schedule schedule, task task) {
  if (current_worker != SIZE_MAX || (pool->threads == 1 && count > 0)) {
    run_inline(count, task);
    return true;
  }
  if (count > UINT32_MAX) return false;
  if (atomic_exchange(&pool->running, true)) return false;
  if (count == 1) {
    run_inline(count, task);
  } else if (count > 1) {
    const size_t threads = pool->threads;
    const uint32_t epoch = atomic_load_explicit(&pool->epoch, memory_order_relaxed) + 1;
    pool->task = task;
    pool->count = count;
    atomic_store_explicit(&pool->completed, 0, memory_order_relaxed);
    hand_out(pool, epoch, schedule);
    atomic_store(&pool->epoch, epoch);
    if (atomic_load(&pool->sleepers) > 0) {
      const size_t useful = schedule == MARTLET_POOL_DYNAMIC ? count - 1 : threads;
      futex_wake(&pool->epoch, useful < threads ? (int)useful : (int)threads);
    }
    drain(pool, &pool->queues[schedule == MARTLET_POOL_DYNAMIC ? threads : 0], 0);
    wait_for_completion(pool, (uint32_t)count);
  }
  atomic_store(&pool->running, false);
  return true;
}

bool martlet_pool_run(
  martlet_pool *pool, size_t count, martlet_pool_schedule schedule, martlet_pool_body body,
  void *context) {
  return run(pool, count, schedule, (task){.function = body, .context = context});
}

#if __has_attribute(swiftcall)
// For Swift alone, which declares it itself: a closure that does not escape comes as two words, and
// handing these on is the only way to run it on other threads without allocating a box for it.
__attribute__((swiftcall)) size_t martlet_pool_run_closure(
  martlet_pool *pool, size_t count, size_t schedule, void *closure, void *context);

__attribute__((swiftcall)) size_t martlet_pool_run_closure(
  martlet_pool *pool, size_t count, size_t schedule, void *closure, void *context) {
  return run(
    pool, count, (martlet_pool_schedule)schedule, (task){.closure = closure, .context = context});
}
#endif
