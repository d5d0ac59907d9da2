/*
 * Prints how fast this machine's time stamp counter runs, in kHz. An emulated CPU's counter is its host's, and a
 * guest that has to measure it while the host is busy gets it wrong, by a factor of six once: its clock is
 * then off by as much.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct reading {
  double ms;
  unsigned long long ticks;
};

/* Of several readings the one that was interrupted least. */
static struct reading look(void) {
  struct reading best = {0};
  unsigned long long least = ~0ULL;
  for (int i = 0; i < 50; i++) {
    struct timespec t;
    unsigned long long before = __rdtsc();
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    unsigned long long after = __rdtsc();
    if (after - before >= least) continue;
    least = after - before;
    best = (struct reading){t.tv_sec * 1e3 + t.tv_nsec / 1e6, before + (after - before) / 2};
  }
  return best;
}

int main(void) {
  struct reading first = look();
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  struct reading second = look();
  printf("%.0f\n", (second.ticks - first.ticks) / (second.ms - first.ms));
  return 0;
}
