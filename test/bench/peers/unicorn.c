/* Runs a flat program at 0x1000 in Unicorn: unicorn FILE. Prints nanoseconds and EAX of the last int 0x40. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unicorn/unicorn.h>

#define ORIGIN 0x1000
#define END 0x1000000

static uint32_t eax;

static void interrupted(uc_engine *engine, uint32_t number, void *data)
{
    (void)data;
    uc_reg_read(engine, UC_X86_REG_EAX, &eax);
    if (number != 0x40) {
        fprintf(stderr, "interrupt %#x\n", number);
        eax = 0;
    }
    if (number != 0x40 || eax != 3) uc_emu_stop(engine);
}

int main(int count, char **words)
{
    static uint8_t image[0x80000];
    FILE *file = count == 2 ? fopen(words[1], "rb") : NULL;
    size_t length = file ? fread(image, 1, sizeof image, file) : 0;
    struct timespec start, end;
    uint32_t esp = END;
    uc_engine *engine;
    uc_hook hook;
    uc_err error = UC_ERR_ARG;
    if (length == 0 || uc_open(UC_ARCH_X86, UC_MODE_32, &engine) != UC_ERR_OK ||
        uc_mem_map(engine, ORIGIN, END - ORIGIN, UC_PROT_ALL) != UC_ERR_OK ||
        uc_mem_write(engine, ORIGIN, image, length) != UC_ERR_OK ||
        uc_reg_write(engine, UC_X86_REG_ESP, &esp) != UC_ERR_OK ||
        uc_hook_add(engine, &hook, UC_HOOK_INTR, (void *)interrupted, NULL, 1, 0) != UC_ERR_OK) {
        fprintf(stderr, "unicorn cannot begin\n");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    error = uc_emu_start(engine, ORIGIN, 0xffffffff, 0, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (error != UC_ERR_OK) {
        fprintf(stderr, "%s\n", uc_strerror(error));
        return 1;
    }
    printf("%lld %u\n", (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec), eax);
    return 0;
}
