// Settings are checked by the same code that reads a profile's text.
#include "cli/settings.h"

#include "profile/set.h"

namespace cli {
namespace {

Result<> apply(profile::Profile& layer, const Setting& setting) {
  const profile::Origin origin{"command line"};
  switch (setting.change) {
    case Change::assign: return profile::assign(layer, setting.key, setting.value, origin);
    case Change::append: return profile::append(layer, setting.key, setting.value, origin);
    case Change::set: return profile::set(layer, setting.value, origin);
  }
  std::unreachable();
}

}  // namespace

Result<profile::Profile> make_layer(const std::vector<Setting>& settings) {
  profile::Profile layer;
  for (const Setting& setting : settings) {
    const auto applied = apply(layer, setting);
    if (!applied) return fail_hint(applied.error().hint, setting.option, ": ", applied.error().message);
  }
  return layer;
}

}  // namespace cli
