// Assignment to keys that are named at run time, checked as a profile's own text is.
#include "profile/set.h"

#include "profile/keys.h"
#include "profile/parse.h"

#include <algorithm>

namespace profile {

namespace {

struct Target {
  const Key* key = nullptr;
  std::string_view entry;  // of "environment.set.K"
};

Result<Target> find_target(std::string_view name) {
  if (const Key* key = find_key(name)) return Target{key, {}};
  for (const Key& key : keys())
    if (const std::string table = text(key.name, '.'); holds<Map>(key) && name.starts_with(table) && name != table)
      return Target{&key, name.substr(table.size())};
  return fail_hint(unknown_key_hint(name), "unknown key '", printable(name), "'");
}

std::string below_pwd(std::string_view in) {
  const bool absolute = in.empty() || in[0] == '/' || in[0] == '~' || in[0] == '$';
  return absolute ? std::string(in) : text("$PWD/", in);
}

// "cap_kill" and "CAP_KILL" are what other tools call "KILL".
std::string capability_name(std::string_view in) {
  std::string name(in);
  for (char& letter : name)
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  return name.starts_with("CAP_") ? name.substr(4) : name;
}

// What a profile would say: on a command line a relative path means the working directory's.
std::string in_full(const Key& key, std::string_view item) {
  if (item.starts_with('!')) return item == "!*" ? std::string(item) : text('!', in_full(key, item.substr(1)));
  if (key.kind == Kind::capability) return capability_name(item);
  if (key.kind == Kind::secret) {
    const std::size_t sign = item.find('=');
    if (sign == std::string_view::npos) return std::string(item);
    return text(item.substr(0, sign + 1), below_pwd(item.substr(sign + 1)));
  }
  // "empty" and "host" are words; a relative root begins with a dot.
  if (key.kind != Kind::host_path || (holds<Scalar>(key) && !item.starts_with('.'))) return std::string(item);
  return below_pwd(item);
}

Result<> set_scalar(Profile& layer, const Key& key, std::string_view value, const Origin& origin) {
  std::string resolved = in_full(key, value);
  TRY(check_value(key, resolved));
  layer.*std::get<Scalar Profile::*>(key.member) = Item{std::move(resolved), origin};
  return {};
}

Result<> add_item(Profile& layer, const Key& key, std::string_view value, const Origin& origin) {
  std::string item = in_full(key, value);
  TRY(check_item(key, item));
  (layer.*std::get<List Profile::*>(key.member)).push_back(Item{std::move(item), origin});
  return {};
}

// Like a list in a profile that begins with "!*": nothing of what came before stays.
Result<> replace_list(Profile& layer, const Key& key, const std::vector<std::string>& items, const Origin& origin) {
  for (const std::string& item : items) TRY(check_item(key, in_full(key, item)));
  TRY(add_item(layer, key, "!*", origin));
  for (const std::string& item : items) TRY(add_item(layer, key, item, origin));
  return {};
}

Result<> add_entry(Profile& layer, const Key& key, std::string_view entry, std::string_view value,
                   const Origin& origin) {
  TRY(check_entry(key, entry, value));
  (layer.*std::get<Map Profile::*>(key.member)).emplace_back(std::string(entry), Item{std::string(value), origin});
  return {};
}

Result<> add_pair(Profile& layer, const Target& target, std::string_view value, const Origin& origin) {
  if (!target.entry.empty()) return add_entry(layer, *target.key, target.entry, value, origin);
  const std::size_t sign = value.find('=');
  if (sign == std::string_view::npos)
    return fail_hint("write NAME=VALUE", "'", printable(value), "' has no '='");
  return add_entry(layer, *target.key, value.substr(0, sign), value.substr(sign + 1), origin);
}

Result<> set_list(Profile& layer, const Key& key, std::string_view value, const Origin& origin) {
  if (value.starts_with('+')) return add_item(layer, key, value.substr(1), origin);
  if (value.starts_with('!')) return add_item(layer, key, value, origin);
  const auto parsed = parse_value(value);
  if (parsed && std::holds_alternative<SetList>(*parsed))
    return replace_list(layer, key, std::get<SetList>(*parsed), origin);
  if (parsed && std::holds_alternative<std::string>(*parsed))
    return replace_list(layer, key, {std::get<std::string>(*parsed)}, origin);
  return replace_list(layer, key, {std::string(value)}, origin);
}

Result<> set_map(Profile& layer, const Target& target, std::string_view value, const Origin& origin) {
  const auto parsed = parse_value(value);
  if (parsed && std::holds_alternative<std::string>(*parsed))
    return add_pair(layer, target, std::get<std::string>(*parsed), origin);
  if (!parsed || !target.entry.empty() || !std::holds_alternative<SetTable>(*parsed))
    return add_pair(layer, target, value, origin);
  for (const auto& [entry, text] : std::get<SetTable>(*parsed))
    TRY(add_entry(layer, *target.key, entry, text, origin));
  return {};
}

Result<> set_target(Profile& layer, const Target& target, std::string_view value, const Origin& origin) {
  if (holds<List>(*target.key)) return set_list(layer, *target.key, value, origin);
  if (holds<Map>(*target.key)) return set_map(layer, target, value, origin);
  const auto parsed = parse_value(value);
  const std::string* quoted = parsed ? std::get_if<std::string>(&*parsed) : nullptr;
  return set_scalar(layer, *target.key, quoted != nullptr ? std::string_view(*quoted) : value, origin);
}

}  // namespace

Result<> assign(Profile& layer, std::string_view key, std::string_view value, const Origin& origin) {
  const Target target = TRY(find_target(key));
  if (holds<Scalar>(*target.key)) return set_scalar(layer, *target.key, value, origin);
  if (holds<Map>(*target.key)) return add_pair(layer, target, value, origin);
  if (value.starts_with('!')) return add_item(layer, *target.key, value, origin);
  return replace_list(layer, *target.key, {std::string(value)}, origin);
}

Result<> append(Profile& layer, std::string_view key, std::string_view value, const Origin& origin) {
  const Target target = TRY(find_target(key));
  if (holds<List>(*target.key)) return add_item(layer, *target.key, value, origin);
  if (holds<Map>(*target.key)) return add_pair(layer, target, value, origin);
  return fail_hint("leave the + out", target.key->name, " holds one value, not a list");
}

Result<> set(Profile& layer, std::string_view assignment, const Origin& origin) {
  const std::size_t sign = assignment.find('=');
  if (sign == std::string_view::npos)
    return fail_hint("for example --set sandbox.timeout=10m", "'", printable(assignment), "' is not TABLE.KEY=VALUE");
  const Target target = TRY(find_target(trim(assignment.substr(0, sign))));
  if (target.key->name == "extends")
    return fail_hint("name the profile with --profile", "extends belongs into a profile");
  const auto done = set_target(layer, target, assignment.substr(sign + 1), origin);
  if (!done) return fail_hint(done.error().hint, target.key->name, ": ", done.error().message);
  return {};
}

}  // namespace profile
