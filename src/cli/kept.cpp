// Nobody is asked: what a sandbox keeps is read where it lies, whether it runs or has ended.
#include "cli/kept.h"

#include "base/path.h"
#include "launch/own_files.h"
#include "launch/probe.h"
#include "plan/identity.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/user.h"

#include <algorithm>
#include <cstdlib>

namespace cli {

namespace {

std::unexpected<Error> fail_nothing_kept(const std::string& name) {
  return fail_hint("--overlay DIR keeps what is changed in DIR", "the sandbox '", name, "' keeps no changes");
}

// The part of `whole` below `directory`; "" for the directory itself and what is above it.
std::optional<std::string> inner_path(const std::string& whole, const std::string& directory) {
  if (path::is_at_or_below(directory, whole)) return std::string();
  if (!path::is_below(whole, directory)) return std::nullopt;
  return whole.substr(directory == "/" ? 1 : directory.size() + 1);
}

bool needs_range(const std::vector<store::Overlay>& overlays) {
  return std::ranges::any_of(overlays, [](const auto& each) { return each.origin.owners == store::Owners::range; });
}

Result<plan::Identity> root_identity(bool range) {
  profile::Profile as_root;
  as_root.user = profile::Item{"root", {"sbx"}};
  as_root.userns = profile::Item{range ? "range" : "single", {"sbx"}};
  const Host host = TRY(launch::probe_host(as_root));
  return plan::make_identity(as_root, host);
}

std::unexpected<Error> fail_elsewhere(const std::vector<store::Origin>& overlays, const std::string& operand) {
  std::vector<std::string> places;
  for (const store::Origin& each : overlays) places.push_back(printable(each.outside));
  return fail_hint(text("the sandbox keeps what it changed in ", join(places, ", ")), printable(operand), " is not in a directory that is overlaid");
}

}  // namespace

std::unexpected<Error> fail_in_use(const std::string& name) {
  return fail_hint(text("sbx stop ", name, ", then again"), "the sandbox '", name, "' runs, or another sbx is at its changes");
}

Result<plan::Identity> identity_that_reaches_all(const std::vector<store::Overlay>& overlays) { return root_identity(needs_range(overlays)); }

Result<> reach_all_files(bool range) {
  if (sys::caller_uid() == 0) return {};
  const plan::Identity identity = TRY(root_identity(range));
  return launch::own_all_files(identity);
}

Result<Kept> find_kept(const std::string& name) {
  TRY(sys::raise_open_files());  // a walk holds two descriptors a level
  const std::string sandboxes = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
  Kept kept;
  kept.name = name, kept.place = path::join(sandboxes, name), kept.trash = path::join(path::parent(sandboxes), "trash");
  kept.state = TRY(supervise::open_state(sandboxes, name));
  const auto changes = TRY(sys::entry_at(kept.state, "changes", kept.place));
  if (!changes) return fail_nothing_kept(name);
  kept.held = TRY(supervise::hold_state(sandboxes, name));
  return kept;
}

Result<Kept> open_kept(const std::string& name) {
  Kept kept = TRY(find_kept(name));
  kept.overlays = TRY(store::open_overlays(kept.state, kept.place));
  if (kept.overlays.empty()) return fail_nothing_kept(name);
  TRY(reach_all_files(needs_range(kept.overlays)));
  return kept;
}

Result<Chosen> choose_paths(const std::vector<store::Origin>& overlays, const std::vector<std::string>& operands, const std::string& cwd) {
  Chosen out(overlays.size());
  if (operands.empty()) {
    for (auto& each : out) each.emplace_back();
    return out;
  }
  const bool in_one = std::ranges::any_of(overlays, [&](const auto& each) { return path::is_at_or_below(cwd, each.outside); });
  for (const std::string& operand : operands) {
    bool found = false;
    for (std::size_t i = 0; i < overlays.size(); ++i) {
      const std::string& base = in_one ? cwd : overlays[i].outside;
      const std::string whole = path::normalise(operand.starts_with('/') ? operand : text(base, "/", operand));
      auto inner = inner_path(whole, overlays[i].outside);
      if (!inner && operand.starts_with('/')) inner = inner_path(whole, overlays[i].inside);
      if (!inner) continue;
      found = true;
      out[i].push_back(*std::move(inner));
    }
    if (!found) return fail_elsewhere(overlays, operand);
  }
  return out;
}

Result<Chosen> choose_paths(const Kept& kept, const std::vector<std::string>& operands) {
  std::vector<store::Origin> origins;
  for (const store::Overlay& each : kept.overlays) origins.push_back(each.origin);
  const auto cwd = sys::working_directory();  // one that is deleted is in no overlay
  return choose_paths(origins, operands, cwd.value_or("/"));
}

std::string shown_path(const Kept& kept, const store::Overlay& overlay, const std::string& path) {
  return kept.overlays.size() == 1 ? path : path::join(overlay.origin.outside, path);
}

}  // namespace cli
