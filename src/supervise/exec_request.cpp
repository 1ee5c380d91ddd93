// Numbers and texts, as in wire.h. A request has them in its one word, or in a file of memory whose descriptor comes
// first; then the client's 0–2, and its flag.
#include "supervise/exec_request.h"

#include "supervise/wire.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/process.h"

#include <algorithm>

namespace supervise {

namespace {
constexpr std::size_t most_bytes = 8 << 20, most_inline = 8 << 10;
}  // namespace

std::string encode(const ExecRequest& request) {
  std::string out;
  put_texts(out, request.argv);
  put_texts(out, request.environment);
  put_text(out, request.workdir);
  put_number(out, request.terminal);
  put_number(out, request.terminal_for_all);
  return out;
}

Result<ExecRequest> decode_exec_request(std::string_view bytes) {
  WireReader reader{bytes};
  ExecRequest request;
  request.argv = reader.contents();
  request.environment = reader.contents();
  request.workdir = reader.content();
  request.terminal = reader.number() != 0;
  request.terminal_for_all = reader.number() != 0;
  if (reader.broken || !reader.rest.empty() || request.argv.empty()) return fail("damaged request for a command");
  return request;
}

Result<Request> pack(const ExecRequest& request, const sys::Fd& begun) {
  Request out{.kind = RequestKind::exec, .number = 0, .words = {encode(request)}, .attached = {}};
  if (out.words[0].size() > most_inline) {
    out.attached.push_back(TRY(sys::make_memory_file("sbx-request", out.words[0], sys::MemoryFile::content)));
    out.words.clear();
  }
  for (const int number : {0, 1, 2, begun.get()}) out.attached.push_back(TRY(sys::duplicate(number)));
  return out;
}

Result<ReceivedExec> unpack(Request& request) {
  ReceivedExec out;
  const std::size_t files = request.words.empty() ? 1 : 0;
  if (request.words.size() > 1 || request.attached.size() != files + out.standard.size() + 1) return fail("damaged request for a command");
  const std::string bytes = files == 0 ? std::move(request.words[0]) : TRY(sys::read_fd(request.attached[0], "the request", most_bytes));
  out.request = TRY(decode_exec_request(bytes));
  const auto first = request.attached.begin() + static_cast<std::ptrdiff_t>(files);
  std::move(first, first + std::ssize(out.standard), out.standard.begin());
  out.begun = std::move(request.attached.back());
  request.attached.clear();
  return out;
}

Error ended_before_command() { return {0, "the sandbox ended before the command ran", {}}; }

}  // namespace supervise
