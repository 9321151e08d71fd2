/*
 * Runs a flat program at 0x1000 as a 32-bit Linux process: native FILE. Prints nanoseconds and EAX of the last
 * int 0x40, which the processor refuses, so that a signal handler meets it: 3 in EAX is a call to be answered.
 * Linked statically above the program's memory, which ends at 16 MiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define ORIGIN 0x1000
#define END 0x1000000

static struct timespec start;

static void stopped(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct timespec end;
    const uint8_t *code = (const uint8_t *)registers[REG_EIP];
    (void)info;
    if (number == SIGSEGV && registers[REG_EIP] >= ORIGIN && registers[REG_EIP] < END && code[0] == 0xcd && code[1] == 0x40) {
        if (registers[REG_EAX] == 3) {
            registers[REG_EIP] += 2;
            return;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%lld %u\n",
               (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec),
               (unsigned)registers[REG_EAX]);
        fflush(stdout);
        _exit(0);
    }
    fprintf(stderr, "signal %d at %#x\n", number, (unsigned)registers[REG_EIP]);
    _exit(1);
}

int main(int count, char **words)
{
    static char stack[65536];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = stopped, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int file = count == 2 ? open(words[1], O_RDONLY) : -1;
    uint8_t *memory = mmap((void *)ORIGIN, END - ORIGIN, PROT_READ | PROT_WRITE | PROT_EXEC,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (file < 0 || memory == MAP_FAILED || read(file, memory, 0x80000) <= 0) {
        perror("native");
        return 1;
    }
    sigaltstack(&other, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    clock_gettime(CLOCK_MONOTONIC, &start);
    __asm__ volatile("mov %0, %%esp\n\tjmp *%1" : : "r"(END), "r"(ORIGIN) : "memory");
    __builtin_unreachable();
}
