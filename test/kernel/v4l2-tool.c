/*
 * An independent look at V4L2 nodes from inside a test VM. It shares no code with the plugin: its
 * layouts and numbers come from the kernel's own header, so that a wrong constant in TypeScript can't
 * agree with itself.
 *
 *   v4l2-tool query [--try-format] [DEVICE...]  a JSON line a device, all of /dev/videoN by default
 *   v4l2-tool hold DEVICE SECONDS               keeps it open; prints "holding" once it is
 *   v4l2-tool write-frames [--write-only] DEVICE COUNT
 *                                               frames filled with 1, 2 … COUNT, 30 a second; prints "writing"
 *                                               after the first
 *   v4l2-tool feed DEVICE COUNT                 the same over and over
 *   v4l2-tool read-frames DEVICE COUNT          prints the byte each frame is filled with
 *   v4l2-tool search DEVICE WIDTH HEIGHT TEXT   looks for the text, twice in a row, in all that a device
 *                                               shows, in every way: prints, as JSON, the bytes seen and how
 *                                               often it was there
 *   v4l2-tool fill HOW DEVICE WIDTH HEIGHT TEXT fills all buffers with the text, through mappings, so that no
 *                                               memory of its own has it. HOW: "closed": and closes the device;
 *                                               "kept": which keeps the format and so the buffers; "reader": as
 *                                               "closed", those that a reader gets;
 *                                               "timeout": the timeout image, and keeps the format
 *   v4l2-tool remove NUMBER                     has v4l2loopback (0.13 and later) remove a device
 *   v4l2-tool inputs DEVICE                     a JSON line for each input, with the status of ENUMINPUT
 *   v4l2-tool set-control DEVICE ID VALUE       sets a control, whose ID is hexadecimal
 *
 * Exit code: 0, or 1 with "v4l2-tool: <what>: <errno's name>" on stderr; 2 for wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The smallest frame every v4l2loopback version takes. */
enum { WIDTH = 64, HEIGHT = 48, FRAME_BYTES = WIDTH * HEIGHT * 2, NODES_MAX = 256 };

static int fail(const char *what) {
  fprintf(stderr, "v4l2-tool: %s: %s\n", what, strerrorname_np(errno));
  return 1;
}

static void print_json_string(const char *key, const __u8 *text, size_t size) {
  printf(",\"%s\":\"", key);
  for (size_t i = 0; i < size && text[i]; i++) {
    if (text[i] == '"' || text[i] == '\\') printf("\\%c", text[i]);
    else if (text[i] < 0x20) printf("\\u%04x", text[i]);
    else putchar(text[i]);
  }
  putchar('"');
}

static struct v4l2_format yuyv_format(enum v4l2_buf_type type) {
  struct v4l2_format format = {.type = type};
  format.fmt.pix.width = WIDTH;
  format.fmt.pix.height = HEIGHT;
  format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
  format.fmt.pix.field = V4L2_FIELD_NONE;
  return format;
}

/* The outcome as errno's name, "0" for success: a bricked 0.12 device answers EINVAL to both. */
static void print_outcome(const char *key, int result) {
  printf(",\"%s\":\"%s\"", key, result < 0 ? strerrorname_np(errno) : "0");
}

static void query(const char *device, int try_format) {
  printf("{\"device\":\"%s\"", device);
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  print_outcome("open", fd);
  if (fd >= 0) {
    struct v4l2_capability caps = {0};
    int result = ioctl(fd, VIDIOC_QUERYCAP, &caps);
    print_outcome("querycap", result);
    if (result == 0) {
      print_json_string("driver", caps.driver, sizeof caps.driver);
      print_json_string("card", caps.card, sizeof caps.card);
      print_json_string("bus_info", caps.bus_info, sizeof caps.bus_info);
      printf(",\"capabilities\":%u,\"device_caps\":%u", caps.capabilities, caps.device_caps);
    }
    if (try_format) {
      struct v4l2_format format = yuyv_format(V4L2_BUF_TYPE_VIDEO_OUTPUT);
      print_outcome("s_fmt_output", ioctl(fd, VIDIOC_S_FMT, &format));
      format = (struct v4l2_format){.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
      print_outcome("g_fmt_capture", ioctl(fd, VIDIOC_G_FMT, &format));
    }
    close(fd);
  }
  puts("}");
}

static void query_all(int try_format) {
  for (int number = 0; number < NODES_MAX; number++) {
    char device[32];
    snprintf(device, sizeof device, "/dev/video%d", number);
    if (access(device, F_OK) == 0) query(device, try_format);
  }
}

static int hold(const char *device, unsigned seconds) {
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(device);
  puts("holding");
  fflush(stdout);
  sleep(seconds);
  close(fd);
  return 0;
}

/*
 * 0.12.x takes an opener for a writer only after STREAMON, which later versions refuse: its error is
 * ignored. --write-only leaves it out, as `ffmpeg -f v4l2` does; that is what bricks an exclusive 0.12.
 */
static int write_frames(const char *device, int count, int write_only, int endless) {
  int fd = open(device, O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail(device);
  struct v4l2_format format = yuyv_format(V4L2_BUF_TYPE_VIDEO_OUTPUT);
  if (ioctl(fd, VIDIOC_S_FMT, &format) < 0) return fail("VIDIOC_S_FMT");
  int type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
  if (!write_only) ioctl(fd, VIDIOC_STREAMON, &type);
  static __u8 frame[FRAME_BYTES];
  for (int i = 0; endless || i < count; i++) {
    memset(frame, i % count + 1, sizeof frame);
    if (write(fd, frame, sizeof frame) != (ssize_t)sizeof frame) return fail("write");
    if (i == 0) puts("writing");
    fflush(stdout);
    usleep(33000);
  }
  close(fd);
  return 0;
}

static int read_frames(const char *device, int count) {
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(device);
  static __u8 frame[FRAME_BYTES];
  for (int i = 0; i < count; i++) {
    if (read(fd, frame, sizeof frame) < 0) return fail("read");
    printf("%u\n", frame[0]);
  }
  close(fd);
  return 0;
}

static void look_for(const char *text, const __u8 *bytes, size_t size, size_t *seen, int *found) {
  size_t length = strlen(text);
  *seen += size;
  /* Once may be the command line of a tool that has ended. */
  for (const __u8 *at = bytes; (at = memmem(at, size - (at - bytes), text, length)); at += length) {
    size_t left = size - (at - bytes);
    if (left >= 2 * length && memcmp(at + length, text, length) == 0) ++*found;
  }
}

static void print_found(const char *how, size_t seen, int found) {
  printf("%s\"%s_bytes\":%zu,\"%s_found\":%d", how[0] == 'r' ? "{" : ",", how, seen, how, found);
}

/* Maps every buffer the device gives for this direction, asking for the frame size of the last tenant. */
static void search_mapped(const char *device, enum v4l2_buf_type type, const char *how,
                          struct v4l2_format format, const char *text) {
  size_t seen = 0;
  int found = 0;
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  /* Before 0.13, a device's capabilities are those of the last QUERYCAP. */
  struct v4l2_capability caps;
  if (fd >= 0) ioctl(fd, VIDIOC_QUERYCAP, &caps);
  format.type = type;
  struct v4l2_requestbuffers request = {.count = 8, .type = type, .memory = V4L2_MEMORY_MMAP};
  if (fd >= 0) ioctl(fd, VIDIOC_S_FMT, &format);
  if (fd >= 0 && ioctl(fd, VIDIOC_REQBUFS, &request) == 0) {
    for (__u32 index = 0; index < request.count; index++) {
      struct v4l2_buffer buffer = {.index = index, .type = type, .memory = V4L2_MEMORY_MMAP};
      if (ioctl(fd, VIDIOC_QUERYBUF, &buffer) < 0) continue;
      void *mapped = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, fd, buffer.m.offset);
      if (mapped == MAP_FAILED) continue;
      look_for(text, mapped, buffer.length, &seen, &found);
      munmap(mapped, buffer.length);
    }
  }
  if (fd >= 0) close(fd);
  print_found(how, seen, found);
}

static int search(const char *device, int width, int height, const char *text) {
  struct v4l2_format format = yuyv_format(0);
  format.fmt.pix.width = width;
  format.fmt.pix.height = height;
  size_t seen = 0, size = width * height * 2;
  int found = 0;
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(device);
  __u8 *frame = malloc(size);
  for (int i = 0; i < 8; i++) {
    ssize_t got = read(fd, frame, size);
    if (got > 0) look_for(text, frame, got, &seen, &found);
  }
  close(fd);
  print_found("read", seen, found);
  search_mapped(device, V4L2_BUF_TYPE_VIDEO_CAPTURE, "capture", format, text);
  search_mapped(device, V4L2_BUF_TYPE_VIDEO_OUTPUT, "output", format, text);
  puts("}");
  return 0;
}

/* Fills every buffer that can be had for the format's direction, and answers how many. */
static int fill_buffers(int fd, struct v4l2_format format, const char *text) {
  int filled = 0;
  __u32 type = format.type;
  /* 0.13 refuses another format than one that is kept. */
  if (ioctl(fd, VIDIOC_S_FMT, &format) < 0 && ioctl(fd, VIDIOC_G_FMT, &format) < 0) return 0;
  struct v4l2_requestbuffers request = {.count = 32, .type = type, .memory = V4L2_MEMORY_MMAP};
  if (ioctl(fd, VIDIOC_REQBUFS, &request) < 0) return 0;
  for (__u32 index = 0; index < request.count; index++) {
    struct v4l2_buffer buffer = {.index = index, .type = type, .memory = V4L2_MEMORY_MMAP};
    if (ioctl(fd, VIDIOC_QUERYBUF, &buffer) < 0) continue;
    __u8 *mapped =
        mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, buffer.m.offset);
    if (mapped == MAP_FAILED) continue;
    for (size_t at = 0, length = strlen(text); at < buffer.length; at++)
      mapped[at] = text[at % length];
    munmap(mapped, buffer.length);
    filled++;
  }
  return filled;
}

static int set_control(int fd, __u32 id, int value) {
  struct v4l2_control control = {.id = id, .value = value};
  return ioctl(fd, VIDIOC_S_CTRL, &control);
}

/* The controls' numbers are v4l2loopback.c's: V4L2_CID_USER_BASE | 0xf000, and up. */
static int fill(const char *how, const char *device, int width, int height, const char *text) {
  enum { KEEP_FORMAT = 0x0098f900, TIMEOUT = 0x0098f902, TIMEOUT_IMAGE_IO = 0x0098f903 };
  struct v4l2_format format = yuyv_format(V4L2_BUF_TYPE_VIDEO_OUTPUT);
  format.fmt.pix.width = width;
  format.fmt.pix.height = height;
  int timeout = strcmp(how, "timeout") == 0, reader = strcmp(how, "reader") == 0;
  int closed = reader || strcmp(how, "closed") == 0;
  if (reader) format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(device);
  if (!closed && set_control(fd, KEEP_FORMAT, 1) < 0) return fail("keep_format");
  if (!timeout && fill_buffers(fd, format, text) == 0) return fail("no buffers");
  if (timeout) {
    if (ioctl(fd, VIDIOC_S_FMT, &format) < 0 && errno != EBUSY) return fail("VIDIOC_S_FMT");
    if (set_control(fd, TIMEOUT, 100) < 0) return fail("timeout");
    if (set_control(fd, TIMEOUT_IMAGE_IO, 1) < 0) return fail("timeout_image_io");
    int image = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (image < 0) return fail("the timeout image");
    if (fill_buffers(image, format, text) == 0) return fail("no timeout image");
    close(image);
  }
  close(fd);
  return 0;
}

/*
 * v4l2loopback.h is no kernel header, so this number is written out: V4L2LOOPBACK_CTL_REMOVE of 0.13,
 * which later versions take as well. Its argument is the device's number itself.
 */
static int remove_device(int number) {
  int fd = open("/dev/v4l2loopback", O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail("/dev/v4l2loopback");
  if (ioctl(fd, 0x4C81, (long)number) < 0) return fail("V4L2LOOPBACK_CTL_REMOVE");
  close(fd);
  return 0;
}

static int inputs(const char *device) {
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(device);
  for (struct v4l2_input input = {0}; ioctl(fd, VIDIOC_ENUMINPUT, &input) == 0; input.index++) {
    printf("{\"index\":%u,\"type\":%u,\"status\":%u", input.index, input.type, input.status);
    print_json_string("name", input.name, sizeof input.name);
    puts("}");
  }
  close(fd);
  return 0;
}

static int control(const char *device, __u32 id, int value) {
  int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(device);
  if (set_control(fd, id, value) < 0) return fail("VIDIOC_S_CTRL");
  close(fd);
  return 0;
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "";
  int flag = argc > 2 && strncmp(argv[2], "--", 2) == 0;
  char **rest = argv + 2 + flag;
  int left = argc - 2 - flag;
  if (strcmp(command, "query") == 0) {
    if (left <= 0) query_all(flag);
    for (int i = 0; i < left; i++) query(rest[i], flag);
    return 0;
  }
  if (left == 2 && strcmp(command, "hold") == 0) return hold(rest[0], atoi(rest[1]));
  if (left == 2 && strcmp(command, "write-frames") == 0)
    return write_frames(rest[0], atoi(rest[1]), flag, 0);
  if (left == 2 && strcmp(command, "feed") == 0) return write_frames(rest[0], atoi(rest[1]), 0, 1);
  if (left == 2 && strcmp(command, "read-frames") == 0) return read_frames(rest[0], atoi(rest[1]));
  if (left == 4 && strcmp(command, "search") == 0)
    return search(rest[0], atoi(rest[1]), atoi(rest[2]), rest[3]);
  if (left == 5 && strcmp(command, "fill") == 0)
    return fill(rest[0], rest[1], atoi(rest[2]), atoi(rest[3]), rest[4]);
  if (left == 1 && strcmp(command, "remove") == 0) return remove_device(atoi(rest[0]));
  if (left == 1 && strcmp(command, "inputs") == 0) return inputs(rest[0]);
  if (left == 3 && strcmp(command, "set-control") == 0)
    return control(rest[0], strtoul(rest[1], NULL, 16), atoi(rest[2]));
  fprintf(stderr, "usage: v4l2-tool query|hold|write-frames|feed|read-frames|search|fill|remove|inputs|set-control, see v4l2-tool.c\n");
  return 2;
}
