/*
 * Runs one routine of a flat 32-bit image in Unicorn and writes down what it does, as JSON.
 *
 * It knows no kernel: what each int 0x40 answers stands in its input, in order. So it is a second opinion on the
 * processor's part of the story: which registers reach the kernel, where each ret goes, what lies in memory
 * afterwards, how it ends.
 *
 *   cc -O1 -o oracle oracle.c -lunicorn && ./oracle <scenario
 *
 * Input, a command a line, numbers in any notation of C:
 *   image FILE              its bytes, loaded at 0
 *   map ADDRESS LENGTH      whole pages
 *   poke ADDRESS HEX        bytes
 *   reg NAME VALUE
 *   answer VALUE [ADDRESS HEX]   EAX of the next int 0x40, and bytes it writes
 *   block ADDRESS LENGTH    the next int 0x40 answers ADDRESS and maps so much there
 *   release ADDRESS LENGTH  the next int 0x40 unmaps so much and answers 1
 *   wait                    the next int 0x40 never answers
 *   exit                    the next int 0x40 ends the program
 *   limit N                 instructions
 *   call ADDRESS            runs until the address RETURN is returned to, or something else ends it
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#define RETURN 0xfffff000u
#define PAGE 4096u
#define MAX_ANSWERS 65536
#define MAX_REGIONS 64
#define MAX_CALLS 65536

static const char *names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
static const int ids[] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                          UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};
enum { ESP = 4, REGISTERS = 8 };

typedef struct { char kind; uint32_t value, length; uint8_t *bytes; uint32_t at, count; } Answer;
typedef struct { uint32_t at, length; uint8_t *before; } Region;

static uc_engine *uc;
static Answer answers[MAX_ANSWERS];
static int answer_count, next_answer;
static Region regions[MAX_REGIONS];
static int region_count;
static uint32_t calls[MAX_CALLS];
static int call_count;
static uint64_t instructions, limit = 1000000;
static uint32_t state[REGISTERS], eip, last_rep;
static int pending_call, ended, first_call = 1;
static char how[16], detail[256];

static void die(const char *message) { fprintf(stderr, "oracle: %s\n", message); exit(2); }
static void must(uc_err error, const char *what) {
  if (error) { fprintf(stderr, "oracle: %s: %s\n", what, uc_strerror(error)); exit(2); }
}

static void read_registers(void) {
  for (int i = 0; i < REGISTERS; i++) uc_reg_read(uc, ids[i], &state[i]);
}

static void add_region(uint32_t at, uint32_t length) {
  must(uc_mem_map(uc, at, length, UC_PROT_ALL), "map");
  if (region_count == MAX_REGIONS) die("too many regions");
  regions[region_count++] = (Region){at, length, NULL};
}

/* A region that appears during the run is compared with zeros. */
static void remember(Region *region) {
  region->before = calloc(1, region->length);
  uc_mem_read(uc, region->at, region->before, region->length);
}

static void finish(const char *kind) {
  snprintf(how, sizeof how, "%s", kind);
  ended = 1;
  uc_emu_stop(uc);
}

static void on_interrupt(uc_engine *engine, uint32_t vector, void *user) {
  (void)engine; (void)user;
  if (vector != 0x40) {
    snprintf(detail, sizeof detail, ",\"vector\":%u", vector);
    finish("fault");
    return;
  }
  uint32_t stack[4] = {0};
  int known = 0;
  read_registers();
  while (known < 4 && !uc_mem_read(uc, state[ESP] + 4 * known, &stack[known], 4)) known++;
  printf("%s{\"at\":%u", first_call ? "" : ",\n", eip);
  first_call = 0;
  for (int i = 0; i < REGISTERS; i++) printf(",\"%s\":%u", names[i], state[i]);
  printf(",\"stack\":[");
  for (int i = 0; i < known; i++) printf("%s%u", i ? "," : "", stack[i]);
  printf("]");
  if (next_answer == answer_count) die("the scenario has no answer for this call");
  Answer *answer = &answers[next_answer++];
  uint32_t value = answer->value;
  switch (answer->kind) {
  case 'w': printf("}"); finish("blocked"); return;
  case 'e': printf("}"); finish("exit"); return;
  case 'b':
    add_region(answer->value, answer->length);
    regions[region_count - 1].before = calloc(1, answer->length);
    break;
  case 'r':
    for (int i = 0; i < region_count; i++) {
      if (regions[i].at == answer->value) regions[i] = regions[--region_count];
    }
    must(uc_mem_unmap(uc, answer->value, answer->length), "release");
    value = 1;
    break;
  case 'a':
    if (answer->count) must(uc_mem_write(uc, answer->at, answer->bytes, answer->count), "answer");
    break;
  }
  uc_reg_write(uc, UC_X86_REG_EAX, &value);
  printf(",\"answer\":%d}", (int32_t)value);
}

static void on_instruction(uc_engine *engine, uint64_t address, uint32_t size, void *user) {
  (void)engine; (void)user; (void)size;
  uint8_t code[2] = {0};
  if (ended) return;
  eip = (uint32_t)address;
  read_registers();
  if (eip == RETURN) { finish("returned"); return; }
  if (instructions >= limit) { finish("limit"); return; }
  if (pending_call) {
    pending_call = 0;
    if (call_count == MAX_CALLS) die("calls too deep");
    uc_mem_read(uc, state[ESP], &calls[call_count++], 4);
  }
  uc_mem_read(uc, eip, code, 2);
  int rep = code[0] == 0xf2 || code[0] == 0xf3;
  /* A repeated instruction is seen once for each iteration, and perhaps once more when ECX is 0: not counted. */
  if (!(rep && last_rep == eip && state[1] == 0)) instructions++;
  last_rep = rep ? eip : 0;
  if (code[0] == 0xe8 || (code[0] == 0xff && ((code[1] >> 3) & 7) == 2)) pending_call = 1;
  if (code[0] == 0xc3 || code[0] == 0xc2) {
    uint32_t to;
    uint16_t taken = 0;
    if (uc_mem_read(uc, state[ESP], &to, 4)) return;
    if (code[0] == 0xc2) uc_mem_read(uc, eip + 1, &taken, 2);
    uint32_t expected = calls[--call_count];
    if (to == expected && call_count > 0) return;
    state[ESP] += 4 + taken;
    if (to == expected) { finish("returned"); eip = to; return; }
    snprintf(detail, sizeof detail, ",\"from\":%u,\"to\":%u,\"expected\":%u", eip, to, expected);
    eip = to;
    finish("astray");
  }
}

static bool on_bad_memory(uc_engine *engine, uc_mem_type type, uint64_t address, int size, int64_t value, void *user) {
  (void)engine; (void)size; (void)value; (void)user;
  const char *access = type == UC_MEM_WRITE_UNMAPPED ? "write" : type == UC_MEM_FETCH_UNMAPPED ? "fetch" : "read";
  snprintf(detail, sizeof detail, ",\"fault\":\"#PF\",\"address\":%u,\"access\":\"%s\"", (uint32_t)address, access);
  snprintf(how, sizeof how, "fault");
  ended = 1;
  /* The count is of completed instructions; registers are those before this one. */
  if (type != UC_MEM_FETCH_UNMAPPED) instructions--;
  return false;
}

static uint8_t *from_hex(const char *text, uint32_t *count) {
  size_t length = strlen(text) / 2;
  uint8_t *bytes = malloc(length + 1);
  for (size_t i = 0; i < length; i++) {
    unsigned byte;
    if (sscanf(text + 2 * i, "%2x", &byte) != 1) die("bad hex");
    bytes[i] = (uint8_t)byte;
  }
  *count = (uint32_t)length;
  return bytes;
}

static void load(const char *name) {
  FILE *file = fopen(name, "rb");
  if (!file) die("cannot read the image");
  uint8_t *bytes = malloc(1 << 20);
  size_t length = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  must(uc_mem_write(uc, 0, bytes, length), "image");
  free(bytes);
}

static void run(uint32_t address) {
  uc_hook hook;
  for (int i = 0; i < region_count; i++) remember(&regions[i]);
  uc_hook_add(uc, &hook, UC_HOOK_INTR, on_interrupt, NULL, 1, 0);
  uc_hook_add(uc, &hook, UC_HOOK_CODE, on_instruction, NULL, 1, 0);
  uc_hook_add(uc, &hook, UC_HOOK_MEM_UNMAPPED, on_bad_memory, NULL, 1, 0);
  calls[call_count++] = RETURN;
  printf("{\"calls\":[");
  uc_err error = uc_emu_start(uc, address, 0xffffffffu, 0, 0);
  if (!ended) {
    if (error == UC_ERR_INSN_INVALID) {
      snprintf(how, sizeof how, "fault");
      snprintf(detail, sizeof detail, ",\"fault\":\"#UD\"");
    } else die(uc_strerror(error));
  }
  if (next_answer != answer_count) die("the scenario has more answers than there were calls");
  printf("],\n\"end\":{\"how\":\"%s\"%s", how, detail);
  if (!strcmp(how, "blocked") || !strcmp(how, "exit")) read_registers();
  for (int i = 0; i < REGISTERS; i++) printf(",\"%s\":%u", names[i], state[i]);
  printf(",\"eip\":%u,\"instructions\":%llu},\n\"written\":[", eip, (unsigned long long)instructions);
  int first = 1;
  for (int i = 0; i < region_count; i++) {
    Region *region = &regions[i];
    uint8_t *now = malloc(region->length);
    uc_mem_read(uc, region->at, now, region->length);
    for (uint32_t at = 0; at < region->length; at++) {
      if (now[at] == region->before[at]) continue;
      uint32_t end = at, last = at;
      /* Runs closer than four bytes are told as one. */
      while (end < region->length && end - last < 4) {
        if (now[end] != region->before[end]) last = end;
        end++;
      }
      printf("%s[%u,\"", first ? "" : ",", region->at + at);
      for (uint32_t b = at; b <= last; b++) printf("%02x", now[b]);
      printf("\"]");
      first = 0;
      at = last;
    }
    free(now);
  }
  printf("]}\n");
}

int main(void) {
  static char line[1 << 16], text[1 << 16];
  must(uc_open(UC_ARCH_X86, UC_MODE_32, &uc), "open");
  while (fgets(line, sizeof line, stdin)) {
    char name[16];
    uint32_t a = 0, b = 0;
    int n;
    Answer answer = {0};
    if (sscanf(line, "image %65000s", text) == 1) load(text);
    else if (sscanf(line, "map %i %i", (int *)&a, (int *)&b) == 2) add_region(a, b);
    else if (sscanf(line, "poke %i %65000s", (int *)&a, text) == 2) {
      uint8_t *bytes = from_hex(text, &b);
      must(uc_mem_write(uc, a, bytes, b), "poke");
    } else if (sscanf(line, "reg %15s %n", name, &n) == 1) {
      a = (uint32_t)strtoul(line + n, NULL, 0);
      for (int i = 0; i < REGISTERS; i++) if (!strcmp(names[i], name)) uc_reg_write(uc, ids[i], &a);
    } else if (sscanf(line, "answer %n", &n) == 0 && !strncmp(line, "answer ", 7)) {
      char *end;
      answer.kind = 'a';
      answer.value = (uint32_t)strtoll(line + 7, &end, 0);
      if (sscanf(end, " %i %65000s", (int *)&answer.at, text) == 2) answer.bytes = from_hex(text, &answer.count);
      answers[answer_count++] = answer;
    } else if (sscanf(line, "block %i %i", (int *)&a, (int *)&b) == 2) {
      answers[answer_count++] = (Answer){'b', a, b, NULL, 0, 0};
    } else if (sscanf(line, "release %i %i", (int *)&a, (int *)&b) == 2) {
      answers[answer_count++] = (Answer){'r', a, b, NULL, 0, 0};
    } else if (!strncmp(line, "wait", 4)) answers[answer_count++] = (Answer){.kind = 'w'};
    else if (!strncmp(line, "exit", 4)) answers[answer_count++] = (Answer){.kind = 'e'};
    else if (!strncmp(line, "limit", 5)) limit = strtoull(line + 5, NULL, 0);
    else if (sscanf(line, "call %i", (int *)&a) == 1) { run(a); return 0; }
    else die(line);
  }
  die("no call");
}
