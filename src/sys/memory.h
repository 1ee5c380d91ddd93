// Memory straight from the kernel: mapped once, touched when it is used, given back while it is idle.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sys {

// Zeroes, for the rest of the process's life. No memory is used before it is written to.
Result<std::span<std::byte>> map_memory(std::size_t size, const char* what);
// The whole pages of `range` are zeroes again and cost nothing (madvise(2) MADV_DONTNEED).
void give_back_memory(std::span<std::byte> range);

// A file that is nowhere (memfd_create(2)), sealed with `content` in it; to read, or to run.
enum class MemoryFile { content, program };
Result<Fd> make_memory_file(const char* name, std::string_view content, MemoryFile kind);

Result<> fill_random(std::span<std::byte> into);  // getrandom(2)
std::uint64_t random_number();                    // the same; 0 only where the kernel has none yet

}  // namespace sys
