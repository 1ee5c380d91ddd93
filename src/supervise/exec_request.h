// What `sbx exec` asks for: a further command in a running sandbox.
#pragma once

#include "base/result.h"
#include "supervise/control.h"
#include "sys/fd.h"

#include <array>
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

// As it reaches the sandbox.
struct ReceivedExec {
  ExecRequest request;
  std::array<sys::Fd, 3> standard;  // the client's 0–2, which become the command's
  sys::Fd begun;                    // Sandbox.begun
};

// With the caller's own 0–2.
Result<Request> pack(const ExecRequest& request, const sys::Fd& begun);
Result<ReceivedExec> unpack(Request& request);

// Of a command that was asked for and never ran.
Error ended_before_command();

std::string encode(const ExecRequest& request);
Result<ExecRequest> decode_exec_request(std::string_view bytes);

}  // namespace supervise
