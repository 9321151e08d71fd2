/*
 * The processor of the host, asked. Reads cases from standard input, runs each natively as 32-bit code of
 * ring 3, and writes what came of it to standard output. Built by oracle.ts:
 *
 *     gcc -m32 -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fno-pie -no-pie
 *
 * It uses no library: a case may leave every segment register in any state. All of it happens inside one signal
 * handler. Each case ends in a signal; the handler notes registers and memory, prepares the next case and
 * returns into it, for which the kernel loads every register from the signal frame.
 *
 * A case:    u32 eax ecx edx ebx esp ebp esi edi, eip, eflags, flags, pokes; then for each poke u32 address,
 *            u32 length and that many bytes. With bit 0 of flags the first 288 bytes of an FXSAVE area follow.
 *            With bit 1 single steps do not end it: two dwords at TRAIL become how many there were, and a sum of
 *            EIP, registers and EFLAGS at each.
 *            Pages of the arena are zero (code pages 0xCC) before the pokes.
 * An answer: u32 eax ecx edx ebx esp ebp esi edi, eip, eflags, vector, error code, cr2, the selectors es cs ss ds
 *            fs gs, the number of changed dwords, then for each its address and value. With bit 0 of flags 288
 *            bytes of FXSAVE area stand before the dwords. Vector 255 means that the case did not end in time,
 *            254 that it made a system call.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

struct kernel_action {
  void *handler;
  unsigned long flags;
  void *restorer;
  unsigned long mask[2];
};

static long call(long number, long a, long b, long c, long d, long e) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory");
  return result;
}

static void quit(int status) {
  for (;;) call(SYS_exit, status, 0, 0, 0, 0);
}

/* The arena: what a case can reach. Everything else is not mapped. arena.ts has the same list. */
static const struct area {
  uint32_t start, length;
  int protection, fill;
} areas[] = {
    {0x00008000, 0x2000, PROT_READ | PROT_WRITE, 0x00},
    {0x00100000, 0x2000, PROT_READ | PROT_WRITE | PROT_EXEC, 0xcc},
    {0x001f1000, 0x2000, PROT_READ | PROT_WRITE, 0x00},
    {0x00200000, 0x2000, PROT_READ | PROT_WRITE, 0x00},
    {0x00204000, 0x1000, PROT_READ, 0x00},
    {0x00300000, 0x1000, PROT_READ | PROT_WRITE, 0x00},
};
#define AREAS (sizeof areas / sizeof areas[0])

/* A segment with a base and an end; what fs holds before a case. arena.ts has it too. */
#define SMALL_SELECTOR 0x63
#define SMALL_BASE 0x00200000
#define SMALL_LIMIT 0xfff

/* The local descriptor table, likewise. */
static const struct user_desc local[] = {
    {.entry_number = 0, .base_addr = 0x001f1000, .limit = 0xfffff, .seg_32bit = 1},
    {.entry_number = 7, .base_addr = 0x001f2000, .limit = 0xfffff, .seg_32bit = 1},
    {.entry_number = 1, .base_addr = 0x002f1000, .limit = 0xfffff, .seg_32bit = 1},
    {.entry_number = 2, .base_addr = 0x00200000, .limit = 0xfffff, .seg_32bit = 1},
    {.entry_number = 3, .base_addr = 0x00200ff8, .limit = 0x807, .seg_32bit = 1},
    {.entry_number = 4, .base_addr = 0x00200000, .limit = 0xfff, .seg_32bit = 1, .read_exec_only = 1},
    {.entry_number = 5, .base_addr = 0x00200000, .limit = 0xfff, .seg_32bit = 1, .seg_not_present = 1},
    {.entry_number = 6, .base_addr = 0x002ffff0, .limit = 0x80f, .seg_32bit = 1},
};

/* arena.ts has these too. */
#define TRAIL ((volatile uint32_t *)0x00101ff8)
#define MOST_STEPS 5000
#define EFLAGS_COMPARED 0xfffecdffu

static uint8_t shadow[0xa000];
static uint8_t input[1 << 16], output[1 << 20];
static size_t input_at, input_end, output_end;
static uint8_t stack[1 << 16] __attribute__((aligned(64)));
static uint32_t cases, cases_at_alarm;
static uint32_t flags;
static int running;

static void copy(void *to, const void *from, size_t length) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
}

static void fill(void *to, uint32_t value, size_t dwords) {
  __asm__ volatile("rep stosl" : "+D"(to), "+c"(dwords) : "a"(value) : "memory");
}

void *memset(void *to, int value, size_t length) {
  uint8_t *bytes = to;
  __asm__ volatile("rep stosb" : "+D"(bytes), "+c"(length) : "a"(value) : "memory");
  return to;
}

static void flush(void) {
  size_t at = 0;
  while (at < output_end) {
    long written = call(SYS_write, 1, (long)(output + at), output_end - at, 0, 0);
    if (written <= 0) quit(3);
    at += written;
  }
  output_end = 0;
}

static void put(const void *from, size_t length) {
  if (output_end + length > sizeof output) flush();
  copy(output + output_end, from, length);
  output_end += length;
}

static void put32(uint32_t value) { put(&value, 4); }

/* Returns 0 at the end of the input, when nothing of a case has been read. */
static int take(void *to, size_t length) {
  uint8_t *bytes = to;
  while (length) {
    if (input_at == input_end) {
      long got = call(SYS_read, 0, (long)input, sizeof input, 0, 0);
      if (got < 0) quit(4);
      if (got == 0) return 0;
      input_at = 0;
      input_end = got;
    }
    size_t part = input_end - input_at < length ? input_end - input_at : length;
    copy(bytes, input + input_at, part);
    input_at += part;
    bytes += part;
    length -= part;
  }
  return 1;
}

static const int order[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};

/* The FXSAVE area of a 32-bit signal frame stands behind the 112 bytes of the older format. */
static uint8_t *fxsave(ucontext_t *context) { return (uint8_t *)context->uc_mcontext.fpregs + 112; }

/* The kernel takes x87 from the older format and the rest from the other: what the area says is put there too. */
static void spread(ucontext_t *context) {
  const uint8_t *area = fxsave(context);
  const uint16_t *halves = (const uint16_t *)area;
  uint32_t *old = (uint32_t *)context->uc_mcontext.fpregs;
  uint32_t tags = 0;
  uint32_t top = (halves[1] >> 11) & 7;
  for (uint32_t i = 0; i < 8; i++) {
    const uint32_t *st = (const uint32_t *)(area + 32 + 16 * ((i - top) & 7));
    uint32_t exponent = st[2] & 0x7fff;
    uint32_t tag = exponent == 0x7fff || (exponent == 0 && (st[0] | st[1]))
                       ? 2
                       : exponent == 0 ? 1 : st[1] >> 31 ? 0 : 2;
    tags |= (area[4] >> i & 1 ? tag : 3) << (2 * i);
  }
  old[0] = halves[0] | 0xffff0000u;
  old[1] = halves[1] | 0xffff0000u;
  old[2] = tags | 0xffff0000u;
  old[3] = *(const uint32_t *)(area + 8);
  old[4] = (uint32_t)halves[3] << 16;
  old[5] = *(const uint32_t *)(area + 16);
  old[6] = 0;
  for (uint32_t i = 0; i < 8; i++) copy((uint8_t *)(old + 7) + 10 * i, area + 32 + 16 * i, 10);
}

static void answer(int signal, ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  uint32_t vector = signal == SIGALRM ? 255 : signal == SIGSYS ? 254 : (uint32_t)registers[REG_TRAPNO];
  for (int i = 0; i < 8; i++) put32(registers[order[i]]);
  put32(registers[REG_EIP]);
  put32(registers[REG_EFL]);
  put32(vector);
  put32(registers[REG_ERR]);
  put32(context->uc_mcontext.cr2);
  put32(registers[REG_ES] & 0xffff);
  put32(registers[REG_CS] & 0xffff);
  put32(registers[REG_SS] & 0xffff);
  put32(registers[REG_DS] & 0xffff);
  put32(registers[REG_FS] & 0xffff);
  put32(registers[REG_GS] & 0xffff);
  uint32_t changed = 0;
  for (int pass = 0; pass < 2; pass++) {
    const uint32_t *was = (const uint32_t *)shadow;
    for (size_t i = 0; i < AREAS; i++) {
      const uint32_t *is = (const uint32_t *)areas[i].start;
      for (uint32_t n = 0; n < areas[i].length / 4; n++, was++) {
        if (is[n] == *was) continue;
        if (pass == 0) changed++;
        else {
          put32((uint32_t)(is + n));
          put32(is[n]);
        }
      }
    }
    if (pass == 0) {
      put32(changed);
      if (flags & 1) put(fxsave(context), 288);
    }
  }
}

static void prepare(ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  uint32_t words[12];
  if (!take(words, sizeof words)) {
    flush();
    quit(0);
  }
  for (int i = 0; i < 8; i++) registers[order[i]] = words[i];
  registers[REG_UESP] = words[4];
  registers[REG_EIP] = words[8];
  registers[REG_EFL] = words[9];
  registers[REG_CS] = 0x23;
  registers[REG_SS] = registers[REG_DS] = registers[REG_ES] = 0x2b;
  registers[REG_FS] = SMALL_SELECTOR;
  registers[REG_GS] = 0;
  flags = words[10];
  if (flags & 1) {
    if (!take(fxsave(context), 288)) quit(5);
    spread(context);
  }
  for (size_t i = 0; i < AREAS; i++)
    if (areas[i].protection & PROT_WRITE)
      fill((void *)areas[i].start, areas[i].fill * 0x01010101u, areas[i].length / 4);
  for (uint32_t i = 0; i < words[11]; i++) {
    uint32_t at[2];
    if (!take(at, sizeof at) || !take((void *)at[0], at[1])) quit(5);
  }
  uint8_t *to = shadow;
  for (size_t i = 0; i < AREAS; i++) {
    copy(to, (void *)areas[i].start, areas[i].length);
    to += areas[i].length;
  }
  cases++;
}

/* FNV-1a, of dwords. */
static void step(greg_t *registers) {
  uint32_t sum = TRAIL[1];
  sum = (sum ^ registers[REG_EIP]) * 0x01000193;
  for (int i = 0; i < 8; i++) sum = (sum ^ registers[order[i]]) * 0x01000193;
  TRAIL[1] = (sum ^ (registers[REG_EFL] & EFLAGS_COMPARED)) * 0x01000193;
  TRAIL[0]++;
}

static void handle(int signal, siginfo_t *info, void *place) {
  (void)info;
  ucontext_t *context = place;
  if (signal == SIGALRM && cases != cases_at_alarm) {
    cases_at_alarm = cases;
    return;
  }
  greg_t *registers = context->uc_mcontext.gregs;
  if (running && flags & 2 && signal == SIGTRAP && registers[REG_TRAPNO] == 1 && TRAIL[0] < MOST_STEPS) {
    step(registers);
    return;
  }
  /* ID and NT are not restored from the frame: they would pass from case to case. */
  __asm__ volatile("pushl $0x202\n\tpopfl" : : : "cc");
  if (running) answer(signal, context);
  running = 1;
  prepare(context);
}

/* The kernel's frame for 32-bit code is left through this. */
__asm__(".globl restore\nrestore:\n  movl $173, %eax\n  int $0x80\n"); /* rt_sigreturn */
extern void restore(void);

static void start(void) {
  for (size_t i = 0; i < AREAS; i++) {
    struct {
      uint32_t address, length, protection, flags, file, offset;
    } map = {areas[i].start, areas[i].length, areas[i].protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             (uint32_t)-1, 0};
    if (call(SYS_mmap, (long)&map, 0, 0, 0, 0) != (long)areas[i].start) quit(2);
  }
  struct user_desc small = {.entry_number = SMALL_SELECTOR >> 3, .base_addr = SMALL_BASE, .limit = SMALL_LIMIT,
                            .seg_32bit = 1};
  if (call(SYS_set_thread_area, (long)&small, 0, 0, 0, 0)) quit(2);
  for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
    struct user_desc entry = local[i];
    if (call(SYS_modify_ldt, 0x11, (long)&entry, sizeof entry, 0, 0)) quit(2);
  }
  stack_t other = {.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  if (call(SYS_sigaltstack, (long)&other, 0, 0, 0, 0)) quit(2);
  struct kernel_action action = {(void *)handle, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000, (void *)restore,
                                 {1u << (SIGALRM - 1), 0}};
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGALRM, SIGSYS};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    if (call(SYS_rt_sigaction, signals[i], (long)&action, 0, 8, 0)) quit(2);
  struct itimerval every = {{0, 200000}, {0, 200000}};
  call(SYS_setitimer, ITIMER_REAL, (long)&every, 0, 0, 0);
  /* A case must not reach the kernel by accident. */
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  if (call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) quit(2);
  if (call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&program, 0, 0)) quit(2);
  __asm__ volatile("int3");
  quit(6);
}

__asm__(".globl _start\n_start:\n  andl $-16, %esp\n  call begin\n");
void begin(void) { start(); }
