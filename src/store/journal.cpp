// A path that would lead out of the directory is damage, not a path.
#include "store/journal.h"

#include "base/key_lines.h"

#include <algorithm>

namespace store {

bool is_inner_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string encode(const Journal& journal) {
  std::string out;
  append_key_line(out, "token", journal.token);
  if (journal.force) append_key_line(out, "force", "yes");
  if (journal.privileged) append_key_line(out, "privileged", "yes");
  for (const std::string& path : journal.paths) append_key_line(out, "path", path);
  return out;
}

Result<Journal> decode_journal(std::string_view content) {
  Journal out;
  while (!content.empty()) {
    const KeyLine line = TRY(take_key_line(content, "journal"));
    const std::string value = parse_value(line.escaped);
    if (line.key == "token") out.token = value;
    else if (line.key == "force") out.force = value == "yes";
    else if (line.key == "privileged") out.privileged = value == "yes";
    else if (line.key == "path" && is_inner_path(value)) out.paths.push_back(value);
    else if (line.key == "path") return fail("damaged journal: the path '", printable(value), "' leads out");
  }
  const bool digits = std::ranges::all_of(out.token, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (out.token.size() != 16 || !digits) return fail("damaged journal: no token");
  return out;
}

std::string encode(const Ledger& ledger) {
  std::string out;
  for (const auto& [path, changed] : ledger) append_key_line(out, describe_instant(changed), path);
  return out;
}

Result<Ledger> decode_ledger(std::string_view content) {
  Ledger out;
  while (!content.empty()) {
    const KeyLine line = TRY(take_key_line(content, "list of what was committed"));
    const Instant changed = TRY(parse_instant(line.key));
    std::string path = parse_value(line.escaped);
    if (!path.empty() && !is_inner_path(path)) return fail("the path '", printable(path), "' leads out");
    out.insert_or_assign(std::move(path), changed);
  }
  return out;
}

}  // namespace store
