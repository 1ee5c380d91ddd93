// What `sbx exec` asks for: a further command in a running sandbox.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace supervise {

struct ExecRequest {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "K=V", over the sandbox's own
  std::string workdir;                   // empty: the sandbox's own
  bool terminal = false;                 // as plan::Command has them
  bool terminal_for_all = false;
};

inline constexpr std::size_t most_request_bytes = 8 << 20;
inline constexpr std::size_t most_inline_request = 8 << 10;  // a longer one goes in a file of memory

std::string encode(const ExecRequest& request);
Result<ExecRequest> decode_exec_request(std::string_view bytes);

}  // namespace supervise
