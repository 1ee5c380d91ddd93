// Names in the one form in which they are compared.
#include "net/name.h"

namespace net {

std::optional<Name> make_name(std::string_view in) {
  if (in.ends_with('.')) in.remove_suffix(1);
  if (in.size() > Name::longest) return std::nullopt;
  Name out;
  std::size_t label = 0;
  for (char c : in) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    // A backslash would read as the escape of another character (RFC 1035 5.1).
    if (c == '.' ? label == 0 : c <= ' ' || c > '~' || c == '\\' || label == 63) return std::nullopt;
    label = c == '.' ? 0 : label + 1;
    out.characters[out.size++] = c;
  }
  if (label == 0 && out.size != 0) return std::nullopt;
  return out;
}

bool is_below(std::string_view name, std::string_view suffix) {
  return name.size() > suffix.size() + 1 && name.ends_with(suffix) && name[name.size() - suffix.size() - 1] == '.';
}

}  // namespace net
