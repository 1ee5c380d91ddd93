// text(parts…) joins strings and numbers: libstdc++ 12 has no std::format, and streams cost 300 KiB.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

inline void append_text(std::string& out, std::string_view part) { out += part; }
inline void append_text(std::string& out, char part) { out += part; }
template <std::integral Number>
  requires(!std::same_as<Number, char> && !std::same_as<Number, bool>)
void append_text(std::string& out, Number part) { out += std::to_string(part); }

template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (append_text(out, parts), ...);
  return out;
}

// `in` with what a terminal would act on (control bytes, invalid UTF-8) or not show (no width, direction) as \n, \t or \xNN.
// Every name that comes from a user, a file or a sandbox passes through it before it is printed.
std::string printable(std::string_view in);

std::vector<std::string> split(std::string_view in, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view in);
std::string padded(std::string_view in, std::size_t width);  // with blanks behind it
bool is_utf8(std::string_view in);
// Letters, digits, - _ and ., the first one a letter or digit: the name of a sandbox or a host.
bool is_plain_name(std::string_view in, std::size_t most);
inline constexpr std::size_t most_sandbox_name = 63;

// Octal digits as in chmod(1): 0755 -> "0755".
std::string octal(unsigned value);
// `*` matches any run of characters, the only wildcard (environment names, /etc entries).
bool matches_pattern(std::string_view pattern, std::string_view name);
