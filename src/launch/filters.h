// The filter of a policy: those of shipped profiles are compiled when sbx is built and embedded. Any other is
// compiled at launch in 20 µs, no more than reading it back from a file would take: none is kept on disk.
#pragma once

#include "launch/seccomp.h"

#include <cstdint>
#include <span>

namespace launch {

struct EmbeddedFilter {
  std::uint64_t key = 0;
  std::size_t rules = 0;
  std::span<const sock_filter> program;
};
std::span<const EmbeddedFilter> embedded_filters();  // written by src/embed/filters.cpp

Result<Filter> load_filter(const plan::Seccomp& policy);

}  // namespace launch
