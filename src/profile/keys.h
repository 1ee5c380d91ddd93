// One table of every key of a profile. Parsing, merging, printing, --set, the options of the command line, the
// nearest-key hints and the check of sbx-profile(5) all read it; a key exists when it has a row.
#pragma once

#include "profile/profile.h"

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace profile {

// host_path begins outside ("A[:B]"), path is a place inside; secret is "NAME=FILE".
enum class Kind { text, word, boolean, number, duration, host_path, path, secret, capability, name };

using Member = std::variant<Scalar Profile::*, List Profile::*, Map Profile::*>;
using Check = Result<> (*)(std::string_view value);

struct Key {
  std::string_view name;   // "filesystem.read_only"
  Member member;
  Kind kind;               // of the value, of each item, of each entry
  std::string_view form;   // of Kind::word the words: "auto|on|off"; else how a value looks, for the manual
  Check check;             // nullptr: any text (a word: one of `form`)
  Check check_entry;       // of a Map: the entry's own name
  std::string_view help;
};

std::span<const Key> keys();
const Key* find_key(std::string_view name);
std::string unknown_key_hint(std::string_view name);  // "did you mean …?" or ""

// Form only: what a path, user or call means on this machine is decided in plan/.
Result<> check_value(const Key& key, std::string_view value);
Result<> check_item(const Key& key, std::string_view item);  // of a List: "x", "!x" or "!*"
Result<> check_entry(const Key& key, std::string_view entry, std::string_view value);

template <class Type>
bool holds(const Key& key) { return std::holds_alternative<Type Profile::*>(key.member); }

}  // namespace profile
