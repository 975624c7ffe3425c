/* A bare Cortex-M: vectors, reset, and semihosting calls to a debugger, here the emulator. */

#include <stddef.h>
#include <stdint.h>

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_EXIT = 0x18, MODE_WB = 5 };
enum { STOPPED_BY_EXIT = 0x20026, STOPPED_BY_ERROR = 0x20024 };

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;

void emit(const void *bytes, unsigned n_bytes);
int decode_all(void);
void reset(void);
void fault(void);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

/* Where the stack begins, reset, and what must not happen. */
__attribute__((section(".vectors"), used)) static const struct {
    const void *stack;
    void (*handlers[15])(void);
} vectors = {&stack_top, {reset, fault, fault, fault, fault, fault}};

static uint32_t handle;

static uint32_t ask(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* The compiler may call these two whatever it is told. */
void *memcpy(void *to, const void *from, size_t n)
{
    volatile uint8_t *target = to;
    const uint8_t *source = from;
    while (n--)
        *target++ = *source++;
    return to;
}

void *memset(void *to, int value, size_t n)
{
    volatile uint8_t *target = to;
    while (n--)
        *target++ = (uint8_t)value;
    return to;
}

void emit(const void *bytes, unsigned n_bytes)
{
    const uint32_t block[3] = {handle, (uint32_t)(uintptr_t)bytes, n_bytes};
    if (ask(SYS_WRITE, block) != 0u)
        fault();
}

void fault(void)
{
    for (;;)
        ask(SYS_EXIT, (const void *)STOPPED_BY_ERROR);
}

void reset(void)
{
    static const char name[] = "decoded.bin";
    const uint32_t block[3] = {(uint32_t)(uintptr_t)name, MODE_WB, sizeof(name) - 1};
    memcpy(&data_start, &data_load, (size_t)((uint8_t *)&data_end - (uint8_t *)&data_start));
    memset(&bss_start, 0, (size_t)((uint8_t *)&bss_end - (uint8_t *)&bss_start));
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* the floating-point unit sleeps until asked */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    handle = ask(SYS_OPEN, block);
    if (handle == UINT32_MAX || decode_all() != 0)
        fault();
    ask(SYS_EXIT, (const void *)STOPPED_BY_EXIT);
    for (;;) {
    }
}
