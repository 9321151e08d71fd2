/*
 * Runs 32-bit programs natively to a certain instruction and tells in which state they are there.
 *
 * Standard input: for each program a line, "<address in hex> <path>". Standard output: for each u32 why it ended (256:
 * at the address; else the vector of the exception; 257: not in time, or by itself), u32 eax ecx edx ebx esp ebp esi edi eip
 * eflags, the 512 bytes of an FXSAVE area, and memory from 0x100000 to 0x102000.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY = 0x100000, LENGTH = 0x2000, AT_END = 256, LOST = 257 };

static uint8_t area[512], memory[LENGTH];
static uint32_t words[11];

static uint32_t vector_of(const siginfo_t *info) {
  switch (info->si_signo) {
    case SIGFPE:
      return info->si_code == FPE_INTDIV ? 0 : 16;
    case SIGILL:
      return 6;
    case SIGSEGV:
      return info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR ? 14 : 13;
    case SIGBUS:
      return 12;
    case SIGTRAP:
      return info->si_code == SI_KERNEL ? 3 : 1;
    default:
      return LOST;
  }
}

static void run(const char *path, unsigned long address) {
  memset(words, 0, sizeof words);
  memset(area, 0, sizeof area);
  memset(memory, 0, sizeof memory);
  words[0] = LOST;
  pid_t child = fork();
  if (child == 0) {
    struct rlimit seconds = {2, 2};
    setrlimit(RLIMIT_CPU, &seconds);
    int nothing = open("/dev/null", O_RDWR);
    for (int file = 0; file < 3; file++) dup2(nothing, file);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execl(path, path, (char *)0);
    _exit(1);
  }
  int status;
  if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) return;
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL);
  long code = ptrace(PTRACE_PEEKTEXT, child, address, 0);
  ptrace(PTRACE_POKETEXT, child, address, (code & ~0xffL) | 0xcc);
  ptrace(PTRACE_CONT, child, 0, 0);
  if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) return;
  siginfo_t info;
  struct user_regs_struct at;
  ptrace(PTRACE_GETSIGINFO, child, 0, &info);
  ptrace(PTRACE_GETREGS, child, 0, &at);
  int ended = WSTOPSIG(status) == SIGTRAP && at.rip == address + 1;
  struct iovec place = {area, sizeof area};
  ptrace(PTRACE_GETREGSET, child, NT_PRXFPREG, &place);
  ptrace(PTRACE_POKETEXT, child, address, code);
  struct iovec here = {memory, LENGTH}, there = {(void *)MEMORY, LENGTH};
  process_vm_readv(child, &here, 1, &there, 1, 0);
  const uint32_t values[] = {ended ? AT_END : vector_of(&info), at.rax, at.rcx, at.rdx, at.rbx, at.rsp, at.rbp,
                             at.rsi, at.rdi, ended ? address : at.rip, at.eflags};
  memcpy(words, values, sizeof words);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
}

int main(void) {
  static char line[8192];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char *path;
    unsigned long address = strtoul(line, &path, 16);
    run(path + 1, address);
    fwrite(words, sizeof words, 1, stdout);
    fwrite(area, sizeof area, 1, stdout);
    fwrite(memory, sizeof memory, 1, stdout);
  }
  return 0;
}
