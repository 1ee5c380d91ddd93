// The key is what stands before the first blank; the value may hold more of them.
#include "base/key_lines.h"

#include <algorithm>

std::string escape_value(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (c == '\n') out += "\\n";
    else if (c == '\\') out += "\\\\";
    else out += c;
  }
  return out;
}

std::string parse_value(std::string_view escaped) {
  std::string out;
  out.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) out += escaped[i];
    else out += escaped[++i] == 'n' ? '\n' : escaped[i];
  }
  return out;
}

void append_key_line(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += ' ';
  out += escape_value(value);
  out += '\n';
}

Result<KeyLine> take_key_line(std::string_view& rest, std::string_view what) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return fail("damaged ", what, ": '", printable(line.substr(0, 64)), "'");
  return KeyLine{line.substr(0, blank), line.substr(blank + 1)};
}
