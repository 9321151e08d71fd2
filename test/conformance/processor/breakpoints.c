/*
 * The debug registers of the host's processor, asked: it runs pieces of 32-bit code under ptrace with DR0 to DR3 and DR7
 * set. Built by breakpoints-prove.ts: gcc -m32 -O1 -static
 *
 * Standard input: for each piece a line of hexadecimal words: DR0 to DR3, DR7, EFLAGS, eax ecx edx ebx esp ebp esi edi,
 * and the bytes of the code, which is put at 0x100000 in the middle of int3. Standard output: for each piece a line with
 * its stops, up to the first that is no debug exception: distance of EIP from the beginning, DR6, ecx esi edi esp.
 */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CODE = 0x100000, DATA = 0x200000, STACK = 0x300000, LENGTH = 0x2000, MOST = 12 };
/* Bits of DR6 that tell something here: the four breakpoints, a single step. */
enum { TOLD = 0x400f };

static void map(unsigned long address, int protection) {
  mmap((void *)address, LENGTH, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static long debug(pid_t child, int number, unsigned long value) {
  return ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg) + 4 * number, value);
}

int main(void) {
  pid_t child = fork();
  if (child == 0) {
    map(CODE, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(DATA, PROT_READ | PROT_WRITE);
    map(STACK, PROT_READ | PROT_WRITE);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  struct user_regs_struct begin, now;
  ptrace(PTRACE_GETREGS, child, 0, &begin);
  char line[1024];
  sprintf(line, "/proc/%d/mem", child);
  int memory = open(line, O_RDWR);
  static unsigned char traps[LENGTH], zeros[LENGTH];
  memset(traps, 0xcc, LENGTH);
  while (fgets(line, sizeof line, stdin)) {
    unsigned words[14], byte;
    char *at = line;
    for (int i = 0, length; i < 14; i++, at += length) sscanf(at, "%x%n", &words[i], &length);
    unsigned char code[256];
    int bytes = 0;
    for (at++; sscanf(at, "%2x", &byte) == 1; at += 2) code[bytes++] = byte;
    pwrite(memory, traps, LENGTH, CODE);
    pwrite(memory, zeros, LENGTH, DATA);
    pwrite(memory, zeros, LENGTH, STACK);
    pwrite(memory, code, bytes, CODE);
    now = begin;
    now.eflags = words[5];
    now.eax = words[6], now.ecx = words[7], now.edx = words[8], now.ebx = words[9];
    now.esp = words[10], now.ebp = words[11], now.esi = words[12], now.edi = words[13];
    now.eip = CODE;
    now.orig_eax = -1;
    ptrace(PTRACE_SETREGS, child, 0, &now);
    debug(child, 7, 0);
    long refused = 0;
    for (int i = 0; i < 4; i++) refused |= debug(child, i, words[i]);
    debug(child, 6, 0);
    refused |= debug(child, 7, words[4]);
    if (refused) {
      puts("refused");
      continue;
    }
    for (int i = 0; i < MOST; i++) {
      ptrace(PTRACE_CONT, child, 0, 0);
      waitpid(child, &status, 0);
      ptrace(PTRACE_GETREGS, child, 0, &now);
      long told = ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, u_debugreg) + 24, 0) & TOLD;
      printf("%s%lx %lx %lx %lx %lx %lx", i ? "; " : "", now.eip - CODE, told, now.ecx, now.esi, now.edi, now.esp);
      if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP || told == 0) break;
      debug(child, 6, 0);
    }
    puts("");
  }
  kill(child, SIGKILL);
  return 0;
}
