// Numbers and texts, as in wire.h.
#include "supervise/exec_request.h"

#include "supervise/wire.h"

namespace supervise {

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

}  // namespace supervise
