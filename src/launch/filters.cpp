// A search by key. The keys are those of the filters sbx brings along; a policy that happens on one of them by
// chance (one in 2^64) and has as many rules comes from whoever may write any policy.
#include "launch/filters.h"

namespace launch {

Result<Filter> load_filter(const plan::Seccomp& policy) {
  const std::uint64_t key = filter_key(policy);
  for (const EmbeddedFilter& filter : embedded_filters())
    if (filter.key == key && filter.rules == policy.rules.size())
      return Filter(filter.program.begin(), filter.program.end());
  return compile_filter(policy);
}

}  // namespace launch
