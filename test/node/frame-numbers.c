/*
 * Numbered frames for a camera, and what became of them. A frame is YUYV of the given size, filled with
 * records of 16 bytes: 8 of the tenant's name, 8 decimal digits of the frame's number.
 *
 *   frame-numbers write WIDTH HEIGHT RATE TENANT   frames to stdout, RATE a second, until it can't write
 *   frame-numbers check WIDTH HEIGHT TENANT        reads frames from stdin; about each second a line of JSON:
 *       first, last: the tenant's first and latest number; frames: how many were whole and the tenant's;
 *       lost: numbers that never came; torn: frames that are not of one piece; foreign: another tenant's
 *
 * Exit code: 0 at the end of the input, 2 for wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 16, NAME = 8 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int write_frames(unsigned char *frame, size_t size, int rate, const char *tenant) {
  double next = now();
  for (unsigned number = 1;; number++) {
    char record[RECORD + 1];
    snprintf(record, sizeof record, "%-8.8s%08u", tenant, number);
    for (size_t at = 0; at < size; at += RECORD) memcpy(frame + at, record, RECORD);
    for (size_t done = 0; done < size;) {
      ssize_t written = write(STDOUT_FILENO, frame + done, size - done);
      if (written <= 0) return 0;
      done += written;
    }
    next += 1.0 / rate;
    double wait = next - now();
    if (wait > 0) usleep((useconds_t)(wait * 1e6));
    else next = now();
  }
}

static int read_frame(unsigned char *frame, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t got = read(STDIN_FILENO, frame + done, size - done);
    if (got <= 0) return 0;
    done += got;
  }
  return 1;
}

static int check_frames(unsigned char *frame, size_t size, const char *tenant) {
  char name[NAME + 1];
  snprintf(name, sizeof name, "%-8.8s", tenant);
  unsigned first = 0, last = 0, frames = 0, lost = 0, torn = 0, foreign = 0, seen = 0;
  double printed = 0;
  while (read_frame(frame, size)) {
    seen++;
    int whole = 1;
    for (size_t at = RECORD; at < size && whole; at += RECORD)
      whole = memcmp(frame, frame + at, RECORD) == 0;
    if (memcmp(frame, name, NAME) != 0) foreign++;
    else if (!whole) torn++;
    else {
      char digits[NAME + 1] = {0};
      memcpy(digits, frame + NAME, NAME);
      unsigned number = (unsigned)strtoul(digits, NULL, 10);
      if (frames == 0) first = number;
      else if (number > last + 1) lost += number - last - 1;
      last = number;
      frames++;
    }
    if (now() - printed < 1) continue;
    printed = now();
    printf("{\"seen\":%u,\"first\":%u,\"last\":%u,\"frames\":%u,\"lost\":%u,\"torn\":%u,\"foreign\":%u}\n",
           seen, first, last, frames, lost, torn, foreign);
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char **argv) {
  int writes = argc == 6 && strcmp(argv[1], "write") == 0;
  int checks = argc == 5 && strcmp(argv[1], "check") == 0;
  size_t size = argc > 3 ? (size_t)atoi(argv[2]) * (size_t)atoi(argv[3]) * 2 : 0;
  if ((!writes && !checks) || size == 0 || size % RECORD != 0) {
    fprintf(stderr, "usage: frame-numbers write|check, see frame-numbers.c\n");
    return 2;
  }
  unsigned char *frame = malloc(size);
  if (frame == NULL) return 1;
  return writes ? write_frames(frame, size, atoi(argv[4]), argv[5]) : check_frames(frame, size, argv[4]);
}
