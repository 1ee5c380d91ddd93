// Merging by the key table, and the walk over `extends`.
#include "profile/merge.h"

#include "profile/keys.h"

#include <algorithm>

namespace profile {

namespace {

// "!/opt" also takes back "/opt?".
bool is_same_item(const Key& key, std::string_view a, std::string_view b) {
  if (key.kind == Kind::host_path) {
    if (a.ends_with('?')) a.remove_suffix(1);
    if (b.ends_with('?')) b.remove_suffix(1);
  }
  return a == b;
}

void merge_list(const Key& key, List& into, List&& from) {
  for (Item& item : from) {
    if (item.value == "!*") into.clear();
    else if (item.value.starts_with('!'))
      std::erase_if(into, [&, gone = std::string_view(item.value).substr(1)](const Item& old) {
        return is_same_item(key, old.value, gone);
      });
    else if (std::ranges::find(into, item.value, &Item::value) == into.end()) into.push_back(std::move(item));
  }
}

void merge_map(Map& into, Map&& from) {
  for (auto& entry : from) {
    const auto old = std::ranges::find(into, entry.first, &Map::value_type::first);
    if (old == into.end()) into.push_back(std::move(entry));
    else old->second = std::move(entry.second);
  }
}

void merge_key(const Key& key, Profile& into, Profile& from) {
  if (const auto* scalar = std::get_if<Scalar Profile::*>(&key.member)) {
    if (from.**scalar) into.**scalar = std::move(from.**scalar);
  } else if (const auto* list = std::get_if<List Profile::*>(&key.member)) {
    merge_list(key, into.**list, std::move(from.**list));
  } else {
    const auto map = std::get<Map Profile::*>(key.member);
    merge_map(into.*map, std::move(from.*map));
  }
}

class Resolver {
 public:
  explicit Resolver(const Lookup& lookup) : lookup_(lookup) {}

  // `extended_at` is where another profile names this one.
  Result<> visit(const std::string& name, const Origin* extended_at) {
    if (std::ranges::find(merged_.chain, name) != merged_.chain.end()) return {};
    if (std::ranges::find(open_, name) != open_.end()) return fail_cycle(name);
    Result<Profile> layer = lookup_(name);
    if (!layer) return fail_lookup(std::move(layer).error(), extended_at);
    open_.push_back(name);
    for (const Item& parent : layer->extends) TRY(visit(parent.value, &parent.origin));
    open_.pop_back();
    layer->chain = {name};
    merged_ = merge(std::move(merged_), *std::move(layer));
    return {};
  }

  Profile take() && { return std::move(merged_); }

 private:
  static std::unexpected<Error> fail_lookup(Error error, const Origin* extended_at) {
    if (extended_at != nullptr)
      error.message += text(" (", printable(extended_at->source), ':', extended_at->line, " extends it)");
    return std::unexpected<Error>(std::move(error));
  }

  std::unexpected<Error> fail_cycle(const std::string& name) const {
    std::string cycle;
    for (auto at = std::ranges::find(open_, name); at != open_.end(); ++at) cycle += text(printable(*at), " -> ");
    return fail_hint("take one of them out of an 'extends'; a profile cannot extend the one it stands in for",
                     "profiles extend each other: ", cycle, printable(name));
  }

  const Lookup& lookup_;
  Profile merged_;
  std::vector<std::string> open_;  // being read, outermost first
};

}  // namespace

Profile merge(Profile parent, Profile child) {
  for (const Key& key : keys()) merge_key(key, parent, child);
  parent.extends.clear();
  for (std::string& name : child.chain)
    if (std::ranges::find(parent.chain, name) == parent.chain.end()) parent.chain.push_back(std::move(name));
  return parent;
}

Result<Profile> resolve(const std::vector<std::string>& names, const Lookup& lookup) {
  Resolver resolver(lookup);
  for (const std::string& name : names) TRY(resolver.visit(name, nullptr));
  return std::move(resolver).take();
}

}  // namespace profile
