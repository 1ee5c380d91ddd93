// The start of the program, in place of glibc 2.36's: the same steps in the same order (csu/libc-start.c, static case),
// without the questions to the processor. glibc asks cpuid some eighty times, mostly for cache sizes. In a virtual
// machine each traps to the host (10 µs where machines are nested), together more than all of our planning. Nothing is
// lost but the AVX variants of memcpy(3) and its like: unasked, the processor counts as a plain x86-64. And without what
// a static program needs to load others (dlopen(3)): where it lies itself, the paths of libraries, the kernel's own; and
// without the variables that tune the library (GLIBC_TUNABLES, MALLOC_*). The unwinder finds no tables then: what the
// standard library would throw ends the program without a word. Nothing of ours throws.
// CMakeLists.txt uses this file only where a program linked with it runs; elsewhere glibc starts us.
#include <cstdint>
#include <cstdlib>
#include <elf.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static_assert(__GLIBC__ == 2 && __GLIBC_MINOR__ == 36, "another version may start in other steps");

extern "C" {

#pragma GCC visibility push(hidden)

extern char** __environ;
extern void* __libc_stack_end;
extern void* _dl_random;  // 16 bytes of the kernel's (AT_RANDOM)
extern int __libc_enable_secure;  // AT_SECURE
extern int _dl_stack_flags;       // of stacks that the library makes: PF_R, PF_W, PF_X
extern int __libc_argc;
extern char** __libc_argv;
extern const Elf64_Phdr* _dl_phdr;  // our own program headers (AT_PHDR)
extern std::size_t _dl_phnum;
extern const char __ehdr_start;

void _dl_aux_init(Elf64_auxv_t* auxiliary);
void _dl_relocate_static_pie();
void __libc_setup_tls();
void __libc_early_init(bool initial);
void __tunables_init(char** environment);
void __init_misc(int argc, char** argv, char** environment);
void _dl_non_dynamic_init();
void __libc_check_standard_fds();

using Constructor = void (*)(int argc, char** argv, char** environment);
using Destructor = void (*)();
extern const Constructor __preinit_array_start[], __preinit_array_end[], __init_array_start[], __init_array_end[];
extern const Destructor __fini_array_start[], __fini_array_end[];
extern const char _edata;  // of the linker (ld(1)), like the arrays, which begin what is written at the start

// What memcpy(3) and memset(3) go by: glibc's own values where the processor tells nothing (sysdeps/x86/cacheinfo.h).
extern const long __x86_data_cache_size = 32 << 10, __x86_data_cache_size_half = 16 << 10;
extern const long __x86_shared_cache_size = 1 << 20, __x86_shared_cache_size_half = 512 << 10;
extern const long __x86_shared_non_temporal_threshold = 768 << 10;
extern const long __x86_rep_movsb_threshold = 2048, __x86_rep_stosb_threshold = 2048;
extern const long __x86_rep_movsb_stop_threshold = 768 << 10;
extern const int __x86_string_control = 0;

#pragma GCC visibility pop

void _init();
void _fini();
int __cxa_atexit(void (*run)(void*), void* argument, void* library);

static void run_destructors(void*) {
  for (const Destructor* end = __fini_array_end; end != __fini_array_start;) (*--end)();
  _fini();
}

static void run_constructors(int argc, char** argv) {
  for (const Constructor* each = __preinit_array_start; each != __preinit_array_end; ++each) (*each)(argc, argv, __environ);
  _init();
  for (const Constructor* each = __init_array_start; each != __init_array_end; ++each) (*each)(argc, argv, __environ);
}

// The relocation writes to nearly all of them, by a page fault each. By hand, because madvise(2) stores errno, for which
// there is no place yet. Advice only: where the kernel does not know it, the faults come.
[[gnu::no_stack_protector]] static void populate_relocated_pages() {
  constexpr std::uintptr_t page = 4096;
  const auto start = reinterpret_cast<std::uintptr_t>(__preinit_array_start) & ~(page - 1);
  const auto end = (reinterpret_cast<std::uintptr_t>(&_edata) + page - 1) & ~(page - 1);
  long result = SYS_madvise;
  asm volatile("syscall" : "+a"(result) : "D"(start), "S"(end - start), "d"(MADV_POPULATE_WRITE) : "rcx", "r11", "memory");
}

// RELRO: what the relocation has written to is only read from now on.
static int protect_relocated(int protection) {
  constexpr std::uintptr_t page = 4096;
  for (const Elf64_Phdr* each = _dl_phdr; each != _dl_phdr + _dl_phnum; ++each) {
    if (each->p_type != PT_GNU_RELRO) continue;
    const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(&__ehdr_start) + each->p_vaddr;
    const std::uintptr_t first = start & ~(page - 1), end = (start + each->p_memsz) & ~(page - 1);
    return ::mprotect(reinterpret_cast<void*>(first), end - first, protection);
  }
  return -1;
}

// See sys::find_fast_clock.
void sbx_load_vdso() {
  if (protect_relocated(PROT_READ | PROT_WRITE) == 0) _dl_non_dynamic_init();
  if (protect_relocated(PROT_READ) != 0) std::abort();
}

// Called by the start file (rcrt1.o), which passes more than is needed here. Until the relocation no pointer in the
// program's constants is valid, and until the thread's block exists there is no stack guard.
[[noreturn, gnu::no_stack_protector]] int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv,
                                                            void*, void*, void*, void* stack_end) {
  __environ = argv + argc + 1;
  __libc_stack_end = stack_end;
  char** end = __environ;
  while (*end != nullptr) ++end;
  _dl_aux_init(reinterpret_cast<Elf64_auxv_t*>(end + 1));
  if (__libc_enable_secure != 0) __tunables_init(__environ);  // it forgets those that are not to be trusted
  populate_relocated_pages();
  _dl_relocate_static_pie();
  __libc_setup_tls();
  // The stack guard, whose lowest byte ends a string, and the guard of stored pointers.
  const auto* random = static_cast<const std::uintptr_t*>(_dl_random);
  asm volatile("mov %0, %%fs:0x28" : : "r"(random[0] & ~std::uintptr_t{0xff}));
  asm volatile("mov %0, %%fs:0x30" : : "r"(random[1]));
  __libc_early_init(true);
  __libc_argc = argc, __libc_argv = argv;
  _dl_stack_flags = PF_R | PF_W;
  if (__libc_enable_secure != 0) _dl_non_dynamic_init();  // it forgets others
  __init_misc(argc, argv, __environ);
  if (protect_relocated(PROT_READ) != 0) std::abort();
  __cxa_atexit(run_destructors, nullptr, nullptr);
  if (__libc_enable_secure != 0) __libc_check_standard_fds();
  run_constructors(argc, argv);
  std::exit(main(argc, argv, __environ));
}

}  // extern "C"
