// The starter is position-independent code without data, stack use or library behind an ELF header made here: at its
// start the stack holds argc, argv and the environment as the kernel's ABI has it (execve(2), elf(5)).
#include "launch/starter.h"

#include "sys/memory.h"
#include "sys/process.h"

#include <cstring>
#include <elf.h>
#include <string_view>

// Three steps: the complaints' descriptor becomes close-on-exec, which also ends a script that leads back here; then
// execve(argv[0], argv + 1); when that is ENOEXEC, the array becomes "/bin/sh", argv[0], argv[2]… in its place, as
// shells do it.
#if defined(__x86_64__)
constexpr Elf64_Half machine = EM_X86_64;
asm(R"(
  .pushsection .rodata.starter, "a"
  .balign 8
sbx_starter_code:
  mov (%rsp), %rax
  lea 8(%rsp), %rbx
  lea 16(%rsp, %rax, 8), %r12
  mov 3f(%rip), %edi
  mov $2, %esi
  mov $1, %edx
  mov $72, %eax
  syscall
  test %rax, %rax
  jne 1f
  mov (%rbx), %rdi
  lea 8(%rbx), %rsi
  mov %r12, %rdx
  mov $59, %eax
  syscall
  cmp $-8, %rax
  jne 1f
  mov (%rbx), %rax
  mov %rax, 8(%rbx)
  lea 2f(%rip), %rdi
  mov %rdi, (%rbx)
  mov %rbx, %rsi
  mov $59, %eax
  syscall
1:
  push %rax
  mov 3f(%rip), %edi
  mov %rsp, %rsi
  mov $8, %edx
  mov $1, %eax
  syscall
  mov $126, %edi
  mov $231, %eax
  syscall
2:
  .asciz "/bin/sh"
3:
sbx_starter_end:
  .popsection
)");
#elif defined(__aarch64__)
constexpr Elf64_Half machine = EM_AARCH64;
asm(R"(
  .pushsection .rodata.starter, "a"
  .balign 8
sbx_starter_code:
  ldr x19, [sp]
  add x20, sp, #8
  add x21, x20, x19, lsl #3
  add x21, x21, #8
  ldr w0, 3f
  mov x1, #2
  mov x2, #1
  mov x8, #25
  svc #0
  cbnz x0, 1f
  ldr x0, [x20]
  add x1, x20, #8
  mov x2, x21
  mov x8, #221
  svc #0
  cmn x0, #8
  b.ne 1f
  ldr x0, [x20]
  str x0, [x20, #8]
  adr x0, 2f
  str x0, [x20]
  mov x1, x20
  mov x2, x21
  mov x8, #221
  svc #0
1:
  str x0, [sp, #-16]!
  ldr w0, 3f
  mov x1, sp
  mov x2, #8
  mov x8, #64
  svc #0
  mov x0, #126
  mov x8, #94
  svc #0
  .balign 4
2:
  .asciz "/bin/sh"
3:
sbx_starter_end:
  .popsection
)");
#endif
extern "C" [[gnu::visibility("hidden")]] const char sbx_starter_code[], sbx_starter_end[];

namespace launch {

namespace {

template <class Part>
void append(std::string& out, const Part& part) {
  char bytes[sizeof part];
  std::memcpy(bytes, &part, sizeof part);
  out.append(bytes, sizeof bytes);
}

}  // namespace

Result<sys::Fd> make_starter(const sys::Fd& complaints) {
  constexpr Elf64_Addr base = 0x400000;
  constexpr std::size_t headers = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  const std::string_view code(sbx_starter_code, static_cast<std::size_t>(sbx_starter_end - sbx_starter_code));
  const Elf64_Xword size = headers + code.size() + sizeof(int);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64, header.e_ident[EI_DATA] = ELFDATA2LSB, header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC, header.e_machine = machine, header.e_version = EV_CURRENT;
  header.e_entry = base + headers, header.e_phoff = sizeof header, header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr), header.e_phnum = 2;
  std::string image;
  append(image, header);
  append(image, Elf64_Phdr{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0, .p_vaddr = base, .p_paddr = base,
                           .p_filesz = size, .p_memsz = size, .p_align = 4096});
  append(image, Elf64_Phdr{.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_offset = 0, .p_vaddr = 0, .p_paddr = 0,
                           .p_filesz = 0, .p_memsz = 0, .p_align = 16});
  image += code;
  append(image, complaints.get());
  return sys::make_memory_file("sbx-starter", image, sys::MemoryFile::program);
}

Error start_by(const sys::Fd& starter, const sys::Fd& complaints, const std::string& file, const std::vector<std::string>& argv,
               const std::vector<std::string>& environment) {
  std::vector<char*> words{const_cast<char*>(file.c_str())}, variables;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& each : environment) variables.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr), variables.push_back(nullptr);
  if (Result<> kept = sys::keep_open_on_exec(complaints.get()); !kept) return std::move(kept).error();
  return sys::start_program_in_place(starter, "the starter", words.data(), variables.data()).error();
}

}  // namespace launch
