// Printing by the key table.
#include "profile/describe.h"

#include "profile/keys.h"

#include <algorithm>

namespace profile {

namespace {

constexpr std::size_t line_width = 100;

void append_escape(std::string& out, unsigned code) {
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u00";
  out += digits[code >> 4 & 15];
  out += digits[code & 15];
}

// A TOML basic string. Control characters are escaped, those of two bytes (U+0080…U+009F) too.
std::string quoted(std::string_view in) {
  std::string out = "\"";
  for (std::size_t at = 0; at < in.size(); ++at) {
    const auto byte = static_cast<unsigned char>(in[at]);
    const unsigned next = at + 1 < in.size() ? static_cast<unsigned char>(in[at + 1]) : 0;
    if (byte == '"' || byte == '\\') out += '\\', out += in[at];
    else if (byte < 0x20 || byte == 0x7F) append_escape(out, byte);
    else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) append_escape(out, next), ++at;
    else out += in[at];
  }
  return out + '"';
}

std::string entry_name(std::string_view in) {
  constexpr std::string_view bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !in.empty() && in.find_first_not_of(bare) == std::string_view::npos ? std::string(in) : quoted(in);
}

std::string value_text(const Key& key, std::string_view value) {
  return key.kind == Kind::boolean ? std::string(value) : quoted(value);
}

std::string comment(const Origin& origin) {
  if (origin.line == 0) return text("  # ", printable(origin.source));
  return text("  # ", printable(origin.source), ':', origin.line);
}

std::string list_text(std::string_view name, const List& list, bool origin) {
  std::vector<std::string> items;
  for (const Item& item : list) items.push_back(quoted(item.value));
  std::string line = text(name, " = [", join(items, ", "), "]\n");
  if (!origin && line.size() <= line_width) return line;
  line = text(name, " = [\n");
  for (std::size_t i = 0; i < list.size(); ++i)
    line += text("  ", items[i], ',', origin ? comment(list[i].origin) : "", "\n");
  return line + "]\n";
}

// "" where the key is not set. `name` is the key's without its table.
std::string key_text(const Key& key, std::string_view name, const Profile& profile, bool origin) {
  std::string out;
  if (const auto* scalar = std::get_if<Scalar Profile::*>(&key.member)) {
    const Scalar& item = profile.**scalar;
    if (item) out = text(name, " = ", value_text(key, item->value), origin ? comment(item->origin) : "", "\n");
  } else if (const auto* list = std::get_if<List Profile::*>(&key.member)) {
    if (!(profile.**list).empty()) out = list_text(name, profile.**list, origin);
  } else {
    for (const auto& [entry, item] : profile.*std::get<Map Profile::*>(key.member))
      out += text(name, '.', entry_name(entry), " = ", value_text(key, item.value), origin ? comment(item.origin) : "",
                  "\n");
  }
  return out;
}

// Each value as "key = value", for comparing.
std::vector<std::string> values_of(const Key& key, const Profile& profile) {
  std::vector<std::string> out;
  if (const auto* scalar = std::get_if<Scalar Profile::*>(&key.member)) {
    if (profile.**scalar) out.push_back(text(key.name, " = ", value_text(key, (profile.**scalar)->value)));
  } else if (const auto* list = std::get_if<List Profile::*>(&key.member)) {
    for (const Item& item : profile.**list) out.push_back(text(key.name, ": ", quoted(item.value)));
  } else {
    for (const auto& [entry, item] : profile.*std::get<Map Profile::*>(key.member))
      out.push_back(text(key.name, '.', entry_name(entry), " = ", value_text(key, item.value)));
  }
  return out;
}

std::string only_in(const std::vector<std::string>& here, const std::vector<std::string>& there, std::string_view sign) {
  std::string out;
  for (const std::string& line : here)
    if (std::ranges::find(there, line) == there.end()) out += text(sign, line, "\n");
  return out;
}

}  // namespace

std::string describe_profile(const Profile& profile, bool origin) {
  std::string out, table;
  for (const Key& key : keys()) {
    const std::size_t dot = key.name.find('.');
    const std::string_view prefix = dot == std::string_view::npos ? std::string_view{} : key.name.substr(0, dot);
    const std::string lines = key_text(key, prefix.empty() ? key.name : key.name.substr(dot + 1), profile, origin);
    if (!lines.empty() && prefix != table) out += text(out.empty() ? "" : "\n", "[", prefix, "]\n"), table = prefix;
    out += lines;
  }
  return out;
}

std::string describe_difference(const Profile& first, const Profile& second) {
  std::string out;
  for (const Key& key : keys()) {
    const std::vector<std::string> a = values_of(key, first), b = values_of(key, second);
    out += only_in(a, b, "- ") + only_in(b, a, "+ ");
  }
  return out;
}

}  // namespace profile
