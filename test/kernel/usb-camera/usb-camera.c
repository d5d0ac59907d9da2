/*
 * A USB camera without hardware: a process that answers as one, plugged into the kernel's virtual host controller
 * (vhci_hcd), where the real uvcvideo binds it. The end of the process is the cable being pulled.
 *
 *   usb-camera PORT VENDOR:PRODUCT NAME [SERIAL] [mjpg] [bulk] [silent|stuck]
 *
 * PORT is 0 to 14, VENDOR and PRODUCT are hexadecimal, an empty SERIAL is none. Frames are YUYV or, with "mjpg", that; in
 * isochronous transfers or, with "bulk", in bulk ones. A line of stdin, or the last word, changes how it behaves:
 *   silent   It answers nothing more, as a camera whose firmware hangs.
 *   stuck    It answers, and sends no frame.
 *   answer   It does both again.
 *   unplug   The process ends.
 *   controls Prints each control as ENTITY SELECTOR VALUE.
 *
 * The wire is Documentation/usb/usbip_protocol.rst on a socketpair; the descriptors are those of the USB Video Class 1.0.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ATTACH "/sys/devices/platform/vhci_hcd.0/attach"
#define HIGH_SPEED 3 /* enum usb_device_speed, include/uapi/linux/usb/ch9.h */
#define WIDTH 160
#define HEIGHT 120
#define FRAME_MS 100
#define STREAM_ENDPOINT 1
#define PACKET 512
#define BULK_PAYLOAD 16384

enum { CMD_SUBMIT = 1, CMD_UNLINK = 2, RET_SUBMIT = 3, RET_UNLINK = 4 };

/* Each header has 48 bytes, big endian; these are indices of 32-bit words. */
enum { COMMAND, SEQUENCE, DEVICE, DIRECTION, ENDPOINT, FLAGS, LENGTH, START, PACKETS, INTERVAL, SETUP, WORDS = 12 };

struct transfer {
  uint32_t header[WORDS]; /* host's byte order, but for the setup packet */
  uint32_t lengths[128];  /* of isochronous packets */
  struct transfer *next;
};

static struct {
  int port, vendor, product;
  const char *name, *serial;
  int mjpg, bulk, silent, stuck;
} camera;

static int wire;
static struct transfer *waiting; /* not answered yet, oldest first */
static uint8_t negotiated[26];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void receive(void *into, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = read(wire, (char *)into + done, length - done);
    if (count == 0) exit(0); /* the kernel dropped the device */
    if (count < 0 && errno != EINTR) die("read");
    if (count > 0) done += count;
  }
}

static void send_all(const void *from, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = send(wire, (const char *)from + done, length - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EPIPE) exit(0);
    if (count < 0 && errno != EINTR) die("send");
    if (count > 0) done += count;
  }
}

/* --- descriptors --- */

static uint8_t configuration[512];
static size_t configuration_length;

#define ADD(...) \
  do { \
    const uint8_t added_[] = {__VA_ARGS__}; \
    memcpy(configuration + configuration_length, added_, sizeof added_); \
    configuration_length += sizeof added_; \
  } while (0)
#define LE16(v) (uint8_t)(v), (uint8_t)((v) >> 8)
#define LE32(v) LE16(v), LE16((v) >> 16)

static void put16(size_t at, size_t value) {
  configuration[at] = value;
  configuration[at + 1] = value >> 8;
}

static void add_frame(int subtype) {
  uint32_t bytes = WIDTH * HEIGHT * 2, bits = bytes * 8 * (1000 / FRAME_MS), interval = FRAME_MS * 10000;
  ADD(30, 0x24, subtype, 1, 0, LE16(WIDTH), LE16(HEIGHT), LE32(bits), LE32(bits), LE32(bytes), LE32(interval), 1, LE32(interval));
}

static void make_configuration(void) {
  ADD(9, 2, 0, 0, 2, 1, 0, 0x80, 250);       /* total length below */
  ADD(8, 11, 0, 2, 0x0e, 3, 0, 0);           /* interface association */
  ADD(9, 4, 0, 0, 1, 0x0e, 1, 0, 0);         /* video control */
  size_t control = configuration_length;
  ADD(13, 0x24, 1, LE16(0x100), LE16(0), LE32(48000000), 1, 1);
  /* camera: auto exposure, exposure, focus, zoom, pan and tilt, auto focus */
  ADD(18, 0x24, 2, 1, LE16(0x201), 0, 0, LE16(0), LE16(0), LE16(0), 3, 0x2a, 0x0a, 0x02);
  ADD(11, 0x24, 5, 2, 1, LE16(0), 2, 0x0b, 0x00, 0); /* processing: brightness, contrast, saturation */
  ADD(9, 0x24, 3, 3, LE16(0x101), 0, 2, 0);          /* output terminal */
  put16(control + 5, configuration_length - control);
  ADD(7, 5, 0x83, 3, LE16(16), 8);
  ADD(5, 0x25, 3, LE16(16));
  ADD(9, 4, 1, 0, camera.bulk, 0x0e, 2, 0, 0); /* video streaming */
  size_t streaming = configuration_length;
  ADD(14, 0x24, 1, 1, LE16(0), 0x80 | STREAM_ENDPOINT, 0, 3, 0, 0, 0, 1, 0);
  if (camera.mjpg) {
    ADD(11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0);
    add_frame(7);
  } else {
    ADD(27, 0x24, 4, 1, 1, 'Y', 'U', 'Y', '2', 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71, 16, 1, 0, 0, 0, 0);
    add_frame(5);
  }
  ADD(6, 0x24, 13, 1, 1, 4);
  put16(streaming + 4, configuration_length - streaming);
  if (!camera.bulk) ADD(9, 4, 1, 1, 1, 0x0e, 2, 0, 0);
  ADD(7, 5, 0x80 | STREAM_ENDPOINT, camera.bulk ? 2 : 5, LE16(PACKET), camera.bulk ? 0 : 1);
  put16(2, configuration_length);
}

static int string_descriptor(int index, uint8_t *into) {
  const char *texts[] = {"", "Test", camera.name, camera.serial};
  if (index == 0) return memcpy(into, "\4\3\x09\x04", 4), 4;
  if (index > 3) return -EPIPE;
  int length = 2;
  for (const char *at = texts[index]; *at && length < 254; at++) into[length++] = *at, into[length++] = 0;
  into[0] = length;
  into[1] = 3;
  return length;
}

static int descriptor(int type, int index, uint8_t *into) {
  if (type == 1) {
    const uint8_t device[] = {18, 1, LE16(0x200), 0xef, 2, 1, 64, LE16(camera.vendor), LE16(camera.product),
                              LE16(0x123), 1, 2, *camera.serial ? 3 : 0, 1};
    return memcpy(into, device, sizeof device), sizeof device;
  }
  if (type == 2) return memcpy(into, configuration, configuration_length), (int)configuration_length;
  if (type == 3) return string_descriptor(index, into);
  return -EPIPE;
}

/* --- controls: what a camera remembers while it has power --- */

static struct control {
  uint8_t entity, selector, length;
  int64_t least, most, standard, value;
} controls[] = {
    {1, 2, 1, 1, 8, 8, 8},           /* auto exposure mode, bits: 1 manual, 8 aperture priority */
    {1, 4, 4, 1, 5000, 156, 156},    /* exposure time */
    {1, 6, 2, 0, 250, 0, 0},         /* focus */
    {1, 8, 1, 0, 1, 1, 1},           /* auto focus */
    {1, 11, 2, 100, 400, 100, 100},  /* zoom */
    {1, 13, 8, 0, 0, 0, 0},          /* pan and tilt, two 32-bit integers */
    {2, 2, 2, -64, 64, 0, 0},        /* brightness */
    {2, 3, 2, 0, 95, 32, 32},        /* contrast */
    {2, 7, 2, 0, 255, 64, 64},       /* saturation */
};

static const int64_t pan_tilt_limit = 36000; /* arc seconds */

static int64_t pair(int32_t value) { return ((int64_t)value << 32) | (uint32_t)value; }

static struct control *find_control(int entity, int selector) {
  for (size_t at = 0; at < sizeof controls / sizeof *controls; at++)
    if (controls[at].entity == entity && controls[at].selector == selector) return controls + at;
  return NULL;
}

static int get_control(struct control *control, int request, uint8_t *into) {
  int is_pair = control->length == 8;
  int64_t value;
  switch (request) {
    case 0x81: value = control->value; break;
    case 0x82: value = is_pair ? pair(-pan_tilt_limit) : control->least; break;
    case 0x83: value = is_pair ? pair(pan_tilt_limit) : control->most; break;
    case 0x84: value = control->selector == 2 && control->entity == 1 ? 9 : is_pair ? pair(3600) : 1; break;
    case 0x85: return memcpy(into, (uint8_t[]){control->length, 0}, 2), 2;
    case 0x86: return into[0] = 3, 1; /* can be read and set */
    case 0x87: value = control->standard; break;
    default: return -EPIPE;
  }
  uint64_t little = htole64(value);
  return memcpy(into, &little, control->length), control->length;
}

static void set_control(struct control *control, const uint8_t *from) {
  uint64_t little = 0;
  memcpy(&little, from, control->length);
  int unused = 64 - 8 * control->length;
  control->value = (int64_t)(le64toh(little) << unused) >> unused;
}

static int get_negotiated(int request, uint8_t *into) {
  if (request == 0x86) return into[0] = 3, 1;
  if (request == 0x85) return memcpy(into, "\32\0", 2), 2;
  uint32_t interval = htole32(FRAME_MS * 10000), frame = htole32(WIDTH * HEIGHT * 2);
  uint32_t payload = htole32(camera.bulk ? BULK_PAYLOAD : PACKET);
  memcpy(into, negotiated, sizeof negotiated);
  into[2] = into[3] = 1; /* format and frame: there is one of each */
  memcpy(into + 4, &interval, 4);
  memcpy(into + 18, &frame, 4);
  memcpy(into + 22, &payload, 4);
  return sizeof negotiated;
}

/* Answers a transfer of endpoint 0: bytes for the host, or a negative errno. */
static int control_transfer(const uint8_t *setup, uint8_t *data) {
  int type = setup[0], request = setup[1], value = setup[2] | setup[3] << 8, index = setup[4] | setup[5] << 8;
  if (type == 0x80 && request == 6) return descriptor(value >> 8, value & 0xff, data);
  if ((type & 0x60) == 0) {
    if (!(type & 0x80)) return 0; /* SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE */
    return memcpy(data, "\1\0", 2), request == 0 ? 2 : 1;
  }
  int entity = index >> 8, selector = value >> 8, interface = index & 0xff;
  if (interface == 1 && (selector == 1 || selector == 2)) {
    if (type & 0x80) return get_negotiated(request, data);
    return memcpy(negotiated, data, sizeof negotiated), 0;
  }
  struct control *control = find_control(entity, selector);
  if (!control) return -EPIPE;
  if (type & 0x80) return get_control(control, request, data);
  return set_control(control, data), 0;
}

/* --- answers --- */

static void answer(struct transfer *transfer, int status, const void *data, uint32_t length) {
  uint32_t reply[WORDS] = {htonl(RET_SUBMIT), htonl(transfer->header[SEQUENCE])};
  reply[FLAGS] = htonl(status);
  reply[LENGTH] = htonl(length);
  reply[PACKETS] = htonl(transfer->header[PACKETS]);
  send_all(reply, sizeof reply);
  if (transfer->header[DIRECTION]) send_all(data, length);
}

static void forget(struct transfer *transfer) {
  struct transfer **at = &waiting;
  while (*at != transfer) at = &(*at)->next;
  *at = transfer->next;
  free(transfer);
}

static void unlink_transfer(const uint32_t *header) {
  uint32_t sequence = header[FLAGS];
  uint32_t reply[WORDS] = {htonl(RET_UNLINK), htonl(header[SEQUENCE])};
  struct transfer *transfer = waiting;
  while (transfer && transfer->header[SEQUENCE] != sequence) transfer = transfer->next;
  /* A silent camera's transfers, too, end when the host controller takes them back. */
  if (transfer) {
    reply[FLAGS] = htonl(-ECONNRESET);
    forget(transfer);
  }
  send_all(reply, sizeof reply);
}

static uint8_t frame[WIDTH * HEIGHT * 2];
static size_t frame_length, frame_sent;
static int frame_odd;
static long frame_due;

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* YUYV: white, yellow, cyan, green, magenta, red, blue, black at 75 %, as in BT.601. MJPG: a JPEG's first and last bytes. */
static void draw_frame(void) {
  static const uint8_t bars[8][3] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58},
                                     {84, 184, 198},  {65, 100, 212}, {35, 212, 114}, {16, 128, 128}};
  if (camera.mjpg) {
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 'T', 'S', 0xff, 0xd9};
    memcpy(frame, jpeg, frame_length = sizeof jpeg);
    return;
  }
  for (int pair = 0; pair < WIDTH * HEIGHT / 2; pair++) {
    const uint8_t *bar = bars[pair % (WIDTH / 2) * 16 / WIDTH];
    memcpy(frame + 4 * pair, (uint8_t[]){bar[0], bar[1], bar[0], bar[2]}, 4);
  }
  frame_length = sizeof frame;
}

/* Writes a payload of at most `room` bytes: a header of the USB Video Class, and the frame's next bytes. */
static size_t next_payload(uint8_t *into, size_t room) {
  size_t length = frame_length - frame_sent;
  if (length > room - 2) length = room - 2;
  memcpy(into + 2, frame + frame_sent, length);
  frame_sent += length;
  int is_last = frame_sent == frame_length;
  into[0] = 2;
  into[1] = 0x80 | (is_last ? 2 : 0) | frame_odd;
  return length + 2;
}

static int is_stream(struct transfer *transfer) {
  return transfer->header[ENDPOINT] == STREAM_ENDPOINT && transfer->header[DIRECTION];
}

static void answer_stream(struct transfer *transfer) {
  static uint8_t data[1 << 20];
  uint32_t packets = transfer->header[PACKETS], length = 0;
  if (camera.bulk) {
    /* Each transfer is a payload, which ends with a short packet, or at its size. */
    length = next_payload(data, transfer->header[LENGTH]);
    answer(transfer, 0, data, length);
    return;
  }
  uint32_t descriptors[128][4] = {{0}};
  uint32_t offset = 0;
  for (uint32_t packet = 0; packet < packets; packet++) {
    uint32_t room = transfer->lengths[packet];
    size_t used = frame_sent < frame_length ? next_payload(data + length, room) : 0;
    descriptors[packet][0] = htonl(offset);
    descriptors[packet][1] = htonl(room);
    descriptors[packet][2] = htonl(used);
    length += used;
    offset += room;
  }
  answer(transfer, 0, data, length);
  send_all(descriptors, packets * sizeof *descriptors);
}

/* Sends what is due of the current frame, as far as the host waits for it. */
static void stream(void) {
  if (camera.silent || camera.stuck || now_ms() < frame_due) return;
  for (struct transfer *transfer = waiting, *next; transfer; transfer = next) {
    next = transfer->next;
    if (!is_stream(transfer)) continue;
    answer_stream(transfer);
    forget(transfer);
    if (frame_sent < frame_length) continue;
    frame_sent = 0;
    frame_odd ^= 1;
    frame_due = now_ms() + FRAME_MS;
    return;
  }
}

static void answer_control(struct transfer *transfer, uint8_t *data) {
  const uint8_t *setup = (const uint8_t *)&transfer->header[SETUP];
  int result = control_transfer(setup, data);
  uint32_t wanted = transfer->header[LENGTH];
  uint32_t length = result < 0 ? 0 : (uint32_t)result < wanted ? (uint32_t)result : wanted;
  /* What the host sends was taken whole. */
  answer(transfer, result < 0 ? result : 0, data, transfer->header[DIRECTION] ? length : result < 0 ? 0 : wanted);
}

static void submitted(struct transfer *transfer) {
  static uint8_t data[1 << 16];
  uint32_t *header = transfer->header;
  if (!header[DIRECTION]) {
    if (header[LENGTH] > sizeof data) exit(2);
    receive(data, header[LENGTH]);
  }
  /* Not isochronous: 0, or -1 in newer kernels. */
  if (header[PACKETS] == 0xffffffff) header[PACKETS] = 0;
  if (header[PACKETS] > 128) exit(2);
  for (uint32_t packet = 0; packet < header[PACKETS]; packet++) {
    uint32_t descriptor[4];
    receive(descriptor, sizeof descriptor);
    transfer->lengths[packet] = ntohl(descriptor[1]);
  }
  if (header[ENDPOINT] == 0 && !camera.silent) {
    answer_control(transfer, data);
    free(transfer);
    return;
  }
  struct transfer **end = &waiting;
  while (*end) end = &(*end)->next;
  *end = transfer;
}

static void receive_command(void) {
  struct transfer *transfer = calloc(1, sizeof *transfer);
  if (!transfer) die("calloc");
  receive(transfer->header, sizeof transfer->header);
  for (int word = 0; word < SETUP; word++) transfer->header[word] = ntohl(transfer->header[word]);
  if (transfer->header[COMMAND] == CMD_SUBMIT) {
    submitted(transfer);
    return;
  }
  unlink_transfer(transfer->header);
  free(transfer);
}

static void behave(const char *word) {
  if (!strcmp(word, "silent")) camera.silent = 1;
  else if (!strcmp(word, "stuck")) camera.stuck = 1;
  else if (!strcmp(word, "answer")) camera.silent = camera.stuck = 0;
  else if (!strcmp(word, "mjpg")) camera.mjpg = 1;
  else if (!strcmp(word, "bulk")) camera.bulk = 1;
  else if (!strcmp(word, "unplug")) exit(0);
  else if (!strcmp(word, "controls")) {
    for (size_t at = 0; at < sizeof controls / sizeof *controls; at++)
      printf("%d %d %lld\n", controls[at].entity, controls[at].selector, (long long)controls[at].value);
    fflush(stdout);
  } else {
    fprintf(stderr, "usb-camera: unknown word \"%s\"\n", word);
    exit(64);
  }
}

/* False at the end of stdin, after which the camera stays as it is. */
static int obey(void) {
  static char line[64];
  static size_t length;
  ssize_t count = read(0, line + length, sizeof line - 1 - length);
  if (count <= 0) return 0;
  length += count;
  for (char *end; (end = memchr(line, '\n', length));) {
    *end = 0;
    behave(line);
    length -= end + 1 - line;
    memmove(line, end + 1, length);
  }
  return length < sizeof line - 1;
}

static void plug_in(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) die("socketpair");
  wire = ends[0];
  char text[64];
  int length = snprintf(text, sizeof text, "%d %d %d %d", camera.port, ends[1], camera.port + 1, HIGH_SPEED);
  int attach = open(ATTACH, O_WRONLY);
  if (attach < 0) die(ATTACH);
  if (write(attach, text, length) != length) die(ATTACH);
  close(attach);
  close(ends[1]);
}

int main(int count, char **words) {
  if (count < 4 || sscanf(words[2], "%x:%x", &camera.vendor, &camera.product) != 2) {
    fprintf(stderr, "usage: usb-camera PORT VENDOR:PRODUCT NAME [SERIAL] [mjpg] [bulk] [silent|stuck]\n");
    return 64;
  }
  camera.port = atoi(words[1]);
  camera.name = words[3];
  camera.serial = count > 4 ? words[4] : "";
  for (int word = 5; word < count; word++) behave(words[word]);
  make_configuration();
  draw_frame();
  plug_in();
  int reads_stdin = 1;
  for (;;) {
    struct pollfd files[] = {{.fd = wire, .events = POLLIN}, {.fd = reads_stdin ? 0 : -1, .events = POLLIN}};
    long left = frame_due - now_ms();
    int timeout = waiting && !camera.silent && !camera.stuck ? (left > 0 ? left : 5) : -1;
    if (poll(files, 2, timeout) < 0 && errno != EINTR) die("poll");
    if (files[1].revents) reads_stdin = obey();
    if (files[0].revents) receive_command();
    stream();
  }
}
