// A damaged request for a command is an error or a request with a command.
#include "supervise/exec_request.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto request = supervise::decode_exec_request({reinterpret_cast<const char*>(bytes), size});
  if (request && (request->argv.empty() || !supervise::decode_exec_request(supervise::encode(*request)))) std::abort();
  return 0;
}
