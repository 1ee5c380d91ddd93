// Nothing is guessed: an origin that lacks a line could make a commit write to the wrong place.
#include "store/origin.h"

#include "base/key_lines.h"
#include "base/units.h"

#include <array>

namespace store {

namespace {

constexpr std::array<std::string_view, 7> keys{"inside", "outside", "engine", "map", "started", "device", "inode"};

Result<std::string> parse_place(std::string_view key, std::string_view escaped) {
  std::string place = parse_value(escaped);
  if (!place.starts_with('/')) return fail(key, " is not an absolute path: '", printable(place), "'");
  if (place.find('\0') != std::string::npos) return fail(key, " holds a zero byte");
  return place;
}

Result<> take(Origin& origin, std::string_view key, std::string_view value) {
  if (key == "inside") origin.inside = TRY(parse_place(key, value));
  else if (key == "outside") origin.outside = TRY(parse_place(key, value));
  else if (key == "engine") origin.engine = TRY(engine_names.parse(value, "engine"));
  else if (key == "map") origin.owners = TRY(owners_names.parse(value, "map"));
  else if (key == "started") origin.started = TRY(parse_instant(value));
  else if (key == "device") origin.device = TRY(parse_number(value));
  else if (key == "inode") origin.inode = TRY(parse_number(value));
  else if (key == "hidden") origin.hidden.push_back(parse_value(value));
  return {};
}

}  // namespace

std::string encode(const Origin& origin) {
  std::string out;
  append_key_line(out, "inside", origin.inside);
  append_key_line(out, "outside", origin.outside);
  append_key_line(out, "engine", engine_names[origin.engine]);
  append_key_line(out, "map", owners_names[origin.owners]);
  append_key_line(out, "started", describe_instant(origin.started));
  append_key_line(out, "device", text(origin.device));
  append_key_line(out, "inode", text(origin.inode));
  for (const std::string& path : origin.hidden) append_key_line(out, "hidden", path);
  return out;
}

Result<Origin> decode_origin(std::string_view content) {
  Origin origin;
  std::array<bool, keys.size()> seen{};
  while (!content.empty()) {
    const KeyLine line = TRY(take_key_line(content, "origin"));
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (keys[i] == line.key && std::exchange(seen[i], true)) return fail("damaged origin: ", keys[i], " comes twice");
    auto taken = take(origin, line.key, line.escaped);
    if (!taken) return fail("damaged origin: ", taken.error().message);
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!seen[i]) return fail("damaged origin: no ", keys[i]);
  return origin;
}

}  // namespace store
