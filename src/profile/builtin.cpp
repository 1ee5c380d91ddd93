// The embedded profiles as layers; builtins() itself is in the generated table.
#include "profile/builtin.h"

#include "profile/keys.h"

#include <algorithm>
#include <utility>

namespace profile {

const Builtin* find_builtin(std::string_view name) {
  const auto all = builtins();
  const auto found = std::ranges::find(all, name, &Builtin::name);
  return found == all.end() ? nullptr : &*found;
}

Profile layer_of(const Builtin& builtin) {
  Profile layer;
  layer.chain = {std::string(builtin.name)};
  std::size_t at = 0;
  const auto next = [&](std::size_t size) {
    return std::string(builtin.texts.substr(std::exchange(at, at + size), size));
  };
  for (const BuiltinItem& row : builtin.items) {
    std::string entry = next(row.entry_size);
    Item item{next(row.value_size), {std::string(builtin.name), row.line, row.column}};
    const Member& member = keys()[row.key].member;
    if (const auto* scalar = std::get_if<Scalar Profile::*>(&member)) layer.**scalar = std::move(item);
    else if (const auto* list = std::get_if<List Profile::*>(&member)) (layer.**list).push_back(std::move(item));
    else (layer.*std::get<Map Profile::*>(member)).emplace_back(std::move(entry), std::move(item));
  }
  return layer;
}

}  // namespace profile
