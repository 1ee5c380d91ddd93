// A payload that ends at once, so that what is measured is all of the launcher's: of /bin/true most is its loader, which
// asks the processor for its caches, and in a virtual machine each question traps to the host.
#if defined(__x86_64__)
asm(".globl _start\n_start: mov $231, %eax\n xor %edi, %edi\n syscall\n");  // exit_group(2)
#elif defined(__aarch64__)
asm(".globl _start\n_start: mov x8, #94\n mov x0, #0\n svc #0\n");
#endif
