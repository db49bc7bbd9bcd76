/* A static program without a C library: its system calls are instructions of its own. */
static long call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                  x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#endif
}

#if defined(__x86_64__)
enum { IOCTL = 16, EXIT = 231, OPENAT = 257, WRITE = 1 };
#else
enum { IOCTL = 29, EXIT = 94, OPENAT = 56, WRITE = 64 };
#endif

#if defined(__x86_64__)
__attribute__((force_align_arg_pointer))
#endif
void _start(void)
{
    unsigned info[3] = {0};
    long device = call(OPENAT, -100, (long)"/dev/hailo0", 2, 0);
    long result = device < 0 ? device : call(IOCTL, device, 0x400c6702, (long)info, 0);
    char text[] = "driver 4.?\n";
    text[7] = (char)('0' + info[0]);
    text[9] = (char)('0' + info[1] / 10);
    call(WRITE, 1, (long)text, sizeof text - 1, 0);
    call(EXIT, result == 0 ? (long)info[1] : 1, 0, 0, 0);
    __builtin_unreachable();
}
