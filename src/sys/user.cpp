// Users, groups and subordinate ids from the files.
#include "sys/user.h"

#include "base/units.h"
#include "sys/call.h"
#include "sys/file.h"
#include "sys/process.h"

#include <cstdlib>
#include <sys/utsname.h>
#include <unistd.h>

namespace sys {

namespace {

constexpr std::size_t most_bytes = 16 << 20;  // of a passwd-like file

std::optional<Id> parse_id(std::string_view in) {
  const auto number = parse_number(in, UINT32_MAX - 1);
  if (!number) return std::nullopt;
  return static_cast<Id>(*number);
}

template <class Take>
void for_each_line(std::string_view all, const Take& take) {
  while (!all.empty()) {
    const std::size_t end = all.find('\n');
    take(all.substr(0, end));
    if (end == std::string_view::npos) return;
    all.remove_prefix(end + 1);
  }
}

// "passwd 1000" by getent(1); nullopt when it does not know either, or is not installed.
Result<std::optional<std::string>> ask_getent(const char* database, Id id) {
  auto line = program_output({"getent", database, text(id)}, 65536);
  const bool unknown = !line && (line.error().code == ENOENT || line.error().code == 0);  // 0: its exit status says so
  if (unknown || (line && line->empty())) return std::optional<std::string>{};
  if (!line) return std::unexpected<Error>(line.error());
  return std::optional(*std::move(line));
}

}  // namespace

Id caller_uid() { return ::getuid(); }
Id caller_gid() { return ::getgid(); }

std::optional<User> parse_passwd_line(std::string_view line) {
  const std::vector<std::string> fields = split(line, ':');
  if (fields.size() < 7) return std::nullopt;
  const auto uid = parse_id(fields[2]), gid = parse_id(fields[3]);
  if (!uid || !gid || fields[0].empty()) return std::nullopt;
  return User{.name = fields[0], .home = fields[5], .shell = std::string(trim(fields[6])), .uid = *uid, .gid = *gid};
}

Result<std::optional<User>> find_user(Id uid) {
  const std::optional<std::string> all = TRY(read_file_if_exists("/etc/passwd", most_bytes));
  std::optional<User> found;
  const std::string field = text(':', uid, ':');
  for_each_line(all ? *all : std::string(), [&](std::string_view line) {
    if (line.find(field) == std::string_view::npos) return;  // cheaper than taking every line apart
    if (auto user = parse_passwd_line(line); user && user->uid == uid && !found) found = std::move(user);
  });
  if (found) return found;
  if (const auto line = TRY(ask_getent("passwd", uid))) found = parse_passwd_line(trim(*line));
  return found;
}

Result<std::optional<std::string>> find_group_name(Id gid) {
  const std::optional<std::string> all = TRY(read_file_if_exists("/etc/group", most_bytes));
  std::optional<std::string> found;
  const std::string field = text(':', gid);
  const auto take = [&](std::string_view line) {
    if (line.find(field) == std::string_view::npos) return;
    const std::vector<std::string> fields = split(line, ':');
    if (!found && fields.size() >= 3 && !fields[0].empty() && parse_id(fields[2]) == gid) found = fields[0];
  };
  for_each_line(all ? *all : std::string(), take);
  if (found) return found;
  if (const auto line = TRY(ask_getent("group", gid))) take(trim(*line));
  return found;
}

std::vector<IdRange> parse_subordinate(std::string_view all, std::string_view name, Id uid) {
  std::vector<IdRange> ranges;
  for_each_line(all, [&](std::string_view line) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3 || (fields[0] != name && fields[0] != text(uid))) return;
    const auto first = parse_id(fields[1]), count = parse_id(fields[2]);
    if (first && count && *count > 0 && *first <= UINT32_MAX - 1 - *count) ranges.push_back({*first, *count});
  });
  return ranges;
}

Result<std::vector<IdRange>> find_subordinate_ranges(IdKind kind, const std::string& name, Id uid) {
  const char* file = kind == IdKind::user ? "/etc/subuid" : "/etc/subgid";
  const std::optional<std::string> all = TRY(read_file_if_exists(file, most_bytes));
  std::vector<IdRange> ranges = parse_subordinate(all ? *all : std::string(), name, uid);
  if (!ranges.empty()) return ranges;
  const std::optional<std::string> services = TRY(read_file_if_exists("/etc/nsswitch.conf", most_bytes));
  if (!services || services->find("\nsubid:") == std::string::npos) return ranges;
  // "0: alice 100000 65536" (getsubids(1)).
  std::vector<std::string> command{"getsubids"};
  if (kind == IdKind::group) command.push_back("-g");
  command.push_back(name);
  const std::string lines = TRY(program_output(command, 65536));
  for_each_line(lines, [&](std::string_view line) {
    const std::vector<std::string> words = split(line, ' ');
    if (words.size() != 4) return;
    const auto first = parse_id(words[2]), count = parse_id(words[3]);
    if (first && count && *count > 0) ranges.push_back({*first, *count});
  });
  return ranges;
}

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view both = *entry;
    const std::size_t equals = both.find('=');
    if (equals != std::string_view::npos && equals != 0) all.emplace_back(both.substr(0, equals), both.substr(equals + 1));
  }
  return all;
}

std::pair<int, int> kernel_version() {
  utsname name{};
  if (::uname(&name) != 0) return {0, 0};
  char* end = nullptr;
  const long major = std::strtol(name.release, &end, 10);
  if (*end != '.') return {0, 0};
  return {static_cast<int>(major), static_cast<int>(std::strtol(end + 1, nullptr, 10))};
}

}  // namespace sys
