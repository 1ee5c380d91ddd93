// A list is a key that comes again for each of its entries.
#include "supervise/record.h"

#include "base/units.h"

namespace supervise {

namespace {

void put(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += ' ';
  for (const char c : value) {
    if (c == '\n') out += "\\n";
    else if (c == '\\') out += "\\\\";
    else out += c;
  }
  out += '\n';
}

std::string value_of(std::string_view escaped) {
  std::string out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) out += escaped[i];
    else out += escaped[++i] == 'n' ? '\n' : escaped[i];
  }
  return out;
}

Result<> take(Record& record, std::string_view key, std::string_view value) {
  if (key == "status") record.status = TRY(status_names.parse(value, "status"));
  else if (key == "command") record.command.push_back(value_of(value));
  else if (key == "profile") record.profiles.push_back(value_of(value));
  else if (key == "workdir") record.workdir = value_of(value);
  else if (key == "cgroup") record.cgroup = value_of(value);
  else if (key == "reason") record.reason = value_of(value);
  else if (key == "started") record.started = static_cast<std::int64_t>(TRY(parse_number(value, INT64_MAX)));
  else if (key == "ended") record.ended = static_cast<std::int64_t>(TRY(parse_number(value, INT64_MAX)));
  else if (key == "init") record.init = static_cast<int>(TRY(parse_number(value, INT32_MAX)));
  else if (key == "code") record.code = static_cast<int>(TRY(parse_number(value, INT32_MAX)));
  else if (key == "detached") record.detached = value == "yes";
  return {};
}

}  // namespace

std::string encode(const Record& record) {
  std::string out;
  put(out, "status", status_names[record.status]);
  put(out, "started", text(record.started));
  if (record.ended != 0) put(out, "ended", text(record.ended));
  if (record.init != 0) put(out, "init", text(record.init));
  if (record.detached) put(out, "detached", "yes");
  if (record.status == Status::ended) put(out, "code", text(record.code));
  if (!record.reason.empty()) put(out, "reason", record.reason);
  if (!record.cgroup.empty()) put(out, "cgroup", record.cgroup);
  if (!record.workdir.empty()) put(out, "workdir", record.workdir);
  for (const std::string& each : record.profiles) put(out, "profile", each);
  for (const std::string& each : record.command) put(out, "command", each);
  return out;
}

Result<Record> decode_record(std::string_view content) {
  Record record;
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return fail("damaged record: '", printable(line.substr(0, 64)), "'");
    auto taken = take(record, line.substr(0, blank), line.substr(blank + 1));
    if (!taken) return fail("damaged record: ", taken.error().message);
  }
  return record;
}

}  // namespace supervise
