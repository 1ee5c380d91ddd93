// mmap(2), madvise(2), getrandom(2).
#include "sys/memory.h"

#include "sys/call.h"
#include "sys/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>

namespace sys {

namespace {
constexpr std::size_t page = 4096;
}

Result<std::span<std::byte>> map_memory(std::size_t size, const char* what) {
  const std::size_t whole = (size + page - 1) / page * page;
  void* const at = ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return fail_errno("map ", whole, " bytes for ", what);
  return std::span(static_cast<std::byte*>(at), size);
}

void give_back_memory(std::span<std::byte> range) {
  const auto first = (reinterpret_cast<std::uintptr_t>(range.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(range.data() + range.size()) / page * page;
  // A refusal costs memory, nothing else.
  if (first < end) static_cast<void>(::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED));
}

Result<Fd> make_memory_file(const char* name, std::string_view content, MemoryFile kind) {
  constexpr unsigned no_exec_seal = 8, exec = 16;  // MFD_NOEXEC_SEAL, MFD_EXEC: Linux 6.3
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = SYS(::memfd_create(name, flags | (kind == MemoryFile::program ? exec : no_exec_seal)));
  if (fd < 0 && errno == EINVAL) fd = SYS(::memfd_create(name, flags));
  if (fd < 0) return fail_errno("make a memory file for ", name);
  Fd file(fd);
  TRY(write_all(fd, name, content));
  TRY(rewind_file(file, name));
  if (SYS(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) < 0) return fail_errno("seal the memory file for ", name);
  return file;
}

Result<> fill_random(std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t got = SYS(::getrandom(into.data(), into.size(), 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("getrandom");
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  return ::getrandom(&number, sizeof number, GRND_NONBLOCK) == sizeof number ? number : 0;
}

}  // namespace sys
