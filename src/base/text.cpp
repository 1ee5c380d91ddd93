// Text helpers without locale: bytes in, bytes out.
#include "base/text.h"

namespace {

// Length of the valid UTF-8 sequence at `at`, or 0 (RFC 3629: no overlong forms, no surrogates).
std::size_t utf8_length(std::string_view in, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(in[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > in.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// Of no width, or turning the direction of what follows: a name with one can look like another. Of a valid sequence of three.
bool is_invisible(std::string_view in) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(in[i])); };
  const unsigned point = (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) ||
         point == 0xFEFF;
}

void append_escaped(std::string& out, unsigned char byte) {
  constexpr char digits[] = "0123456789abcdef";
  if (byte == '\n') out += "\\n";
  else if (byte == '\t') out += "\\t";
  else if (byte == '\r') out += "\\r";
  else {
    out += "\\x";
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
}

}  // namespace

std::string printable(std::string_view in) {
  std::string out;
  out.reserve(in.size());
  for (std::size_t at = 0; at < in.size();) {
    const auto byte = static_cast<unsigned char>(in[at]);
    const std::size_t length = utf8_length(in, at);
    // C1 controls (U+0080…U+009F) are two bytes that begin with 0xC2.
    const bool control = byte < 0x20 || byte == 0x7F ||
                         (length == 2 && byte == 0xC2 && static_cast<unsigned char>(in[at + 1]) < 0xA0) ||
                         (length == 3 && is_invisible(in.substr(at, 3)));
    if (length == 0) append_escaped(out, byte), at += 1;
    else if (!control) out += in.substr(at, length), at += length;
    else
      for (const std::size_t end = at + length; at < end; ++at) append_escaped(out, static_cast<unsigned char>(in[at]));
  }
  return out;
}

std::string padded(std::string_view in, std::size_t width) {
  std::string out(in);
  if (out.size() < width) out.resize(width, ' ');
  return out;
}

bool is_plain_name(std::string_view in, std::size_t most) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (in.empty() || in.size() > most || !is_letter(in[0])) return false;
  for (const char c : in)
    if (!is_letter(c) && c != '-' && c != '_' && c != '.') return false;
  return true;
}

std::vector<std::string> split(std::string_view in, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t at = in.find(separator);
    parts.emplace_back(in.substr(0, at));
    if (at == std::string_view::npos) return parts;
    in.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

std::string_view trim(std::string_view in) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = in.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return in.substr(first, in.find_last_not_of(blanks) - first + 1);
}

bool is_utf8(std::string_view in) {
  for (std::size_t at = 0; at < in.size();) {
    const std::size_t length = utf8_length(in, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string octal(unsigned value) {
  std::string out;
  for (; value != 0; value >>= 3) out.insert(out.begin(), static_cast<char>('0' + (value & 7)));
  return "0" + out;
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
  if (!pattern.empty() && pattern[0] != '*' && !name.starts_with(pattern[0])) return false;  // most of them
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (!name.starts_with(head)) return false;
  for (std::size_t at = head.size(); at <= name.size(); ++at)
    if (matches_pattern(tail, name.substr(at))) return true;
  return false;
}
