// Returns files that a sandbox with a subordinate range left behind to the caller.
#include "cli/chown_back.h"

#include "cli/report.h"
#include "launch/chown_back.h"
#include "launch/probe.h"
#include "plan/identity.h"

namespace cli {

namespace {

Result<int> give_back(const std::vector<std::string>& paths) {
  profile::Profile as_root;
  as_root.user = profile::Item{"root", {"sbx chown-back"}};
  const Host host = TRY(launch::probe_host(as_root));
  const plan::Identity identity = TRY(plan::make_identity(as_root, host));
  return launch::chown_back(identity, paths);
}

}  // namespace

int chown_back(const std::vector<std::string>& paths) {
  const Result<int> changed = give_back(paths);
  if (!changed) return print_error(changed.error());
  return print_output(text(*changed, *changed == 1 ? " file" : " files", " returned\n"));
}

}  // namespace cli
