// A DNS name as rules, pins and logs compare it: lower case, labels joined by dots, no final dot, of a fixed size so
// that none is ever allocated. Only visible ASCII gets in: a dot or a NUL inside a label would read as another name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace net {

struct Name {
  static constexpr std::size_t longest = 253;  // RFC 1035 2.3.4, written without the final dot
  std::array<char, longest> characters;        // only the first `size` have a value
  std::uint8_t size = 0;                       // 0: the root

  std::string_view view() const { return {characters.data(), size}; }
  bool operator==(const Name& other) const { return view() == other.view(); }
};

// "Example.COM." -> example.com. Nothing when a label is empty or longer than 63, or has an unusual character.
std::optional<Name> make_name(std::string_view in);
// `name` is `suffix` with at least one label before it: the grammar's "*.suffix" does not hold for suffix itself.
bool is_below(std::string_view name, std::string_view suffix);

}  // namespace net
