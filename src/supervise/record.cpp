// A list is a key that comes again for each of its entries.
#include "supervise/record.h"

#include "base/key_lines.h"
#include "base/units.h"

namespace supervise {

namespace {

Result<> take(Record& record, std::string_view key, std::string_view value) {
  if (key == "status") record.status = TRY(status_names.parse(value, "status"));
  else if (key == "command") record.command.push_back(parse_value(value));
  else if (key == "profile") record.profiles.push_back(parse_value(value));
  else if (key == "workdir") record.workdir = parse_value(value);
  else if (key == "joined") record.joined = parse_value(value);
  else if (key == "cgroup") record.cgroup = parse_value(value);
  else if (key == "reason") record.reason = parse_value(value);
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
  append_key_line(out, "status", status_names[record.status]);
  append_key_line(out, "started", text(record.started));
  if (record.ended != 0) append_key_line(out, "ended", text(record.ended));
  if (record.init != 0) append_key_line(out, "init", text(record.init));
  if (record.detached) append_key_line(out, "detached", "yes");
  if (record.status == Status::ended) append_key_line(out, "code", text(record.code));
  if (!record.reason.empty()) append_key_line(out, "reason", record.reason);
  if (!record.joined.empty()) append_key_line(out, "joined", record.joined);
  if (!record.cgroup.empty()) append_key_line(out, "cgroup", record.cgroup);
  if (!record.workdir.empty()) append_key_line(out, "workdir", record.workdir);
  for (const std::string& each : record.profiles) append_key_line(out, "profile", each);
  for (const std::string& each : record.command) append_key_line(out, "command", each);
  return out;
}

Result<Record> decode_record(std::string_view content) {
  Record record;
  while (!content.empty()) {
    const KeyLine line = TRY(take_key_line(content, "record"));
    auto taken = take(record, line.key, line.escaped);
    if (!taken) return fail("damaged record: ", taken.error().message);
  }
  return record;
}

}  // namespace supervise
