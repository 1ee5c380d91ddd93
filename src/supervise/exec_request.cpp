// Numbers and texts, as in wire.h.
#include "supervise/exec_request.h"

#include "supervise/wire.h"

namespace supervise {

namespace {

void put_list(std::string& out, const std::vector<std::string>& list) {
  put_number(out, static_cast<int>(list.size()));
  for (const std::string& each : list) put_text(out, each);
}

std::vector<std::string> take_list(WireReader& reader) {
  std::vector<std::string> list;
  for (int left = reader.number(); left > 0 && !reader.broken; --left) list.push_back(reader.content());
  return list;
}

}  // namespace

std::string encode(const ExecRequest& request) {
  std::string out;
  put_list(out, request.argv);
  put_list(out, request.environment);
  put_text(out, request.workdir);
  put_number(out, request.terminal);
  put_number(out, request.terminal_for_all);
  return out;
}

Result<ExecRequest> decode_exec_request(std::string_view bytes) {
  WireReader reader{bytes};
  ExecRequest request;
  request.argv = take_list(reader);
  request.environment = take_list(reader);
  request.workdir = reader.content();
  request.terminal = reader.number() != 0;
  request.terminal_for_all = reader.number() != 0;
  if (reader.broken || !reader.rest.empty() || request.argv.empty()) return fail("damaged request for a command");
  return request;
}

}  // namespace supervise
