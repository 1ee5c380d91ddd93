// Any bytes are a profile or an error, never a crash; and what is a profile is printed and read back as the same.
#include "profile/describe.h"
#include "profile/keys.h"
#include "profile/merge.h"
#include "profile/parse.h"
#include "profile/set.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  const auto layer = profile::parse_profile(in, "fuzz");
  if (!layer && layer.error().message.empty()) std::abort();
  if (layer) {
    const profile::Profile merged = profile::merge({}, *layer);
    const auto again = profile::parse_profile(profile::describe_profile(merged, false), "again");
    if (!again || !profile::describe_difference(merged, *again).empty()) std::abort();
  }
  // The same bytes as the text of --set.
  profile::Profile changed;
  const auto done = profile::set(changed, in, {"command line"});
  if (!done && done.error().message.empty()) std::abort();
  return 0;
}
