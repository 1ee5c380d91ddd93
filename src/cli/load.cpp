// Profile files: which one a name means, and whether it may be believed.
#include "cli/load.h"

#include "base/nearest.h"
#include "base/path.h"
#include "profile/builtin.h"
#include "profile/merge.h"
#include "profile/parse.h"
#include "profile/values.h"
#include "sys/file.h"

#include <algorithm>
#include <fcntl.h>

namespace cli {

namespace {

constexpr std::size_t largest_profile = 1024 * 1024;
constexpr std::string_view suffix = ".toml";
constexpr unsigned others_may_write = 0002;

// Nothing where there is no such file. Everything is asked of the descriptor, so that the file checked is the one read.
Result<std::optional<ProfileText>> read_profile(const std::string& path) {
  const std::optional<sys::Fd> fd = TRY(sys::open_if_exists(path, O_RDONLY));
  if (!fd) return std::optional<ProfileText>{};
  const sys::FileStat stat = TRY(sys::stat_fd(fd->get(), path));
  if (stat.kind == sys::FileKind::directory)
    return fail_hint("name a .toml file in it", "profile ", printable(path), " is a directory");
  if (stat.kind == sys::FileKind::file && (stat.mode & others_may_write) != 0)
    return fail_hint(text("chmod o-w ", printable(path)), "profile ", printable(path), " can be written by every user");
  if (stat.size > largest_profile) return fail("profile ", printable(path), " is larger than 1 MiB");
  return std::optional(ProfileText{path, TRY(sys::read_fd(*fd, path, largest_profile))});
}

std::unexpected<Error> fail_not_found(const std::string& name, const ProfilePlaces& places) {
  if (name.ends_with(suffix))
    return fail_hint(text("for a file here write ./", printable(name)), "no profile is named '", printable(name), "'");
  const auto known = profile_names(places);
  std::string hint = known ? nearest_hint(name, *known) : known.error().message;
  if (hint.empty()) hint = "'sbx profile list' shows them";
  return fail_hint(std::move(hint), "no profile is named '", printable(name), "'");
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const auto found = TRY(sys::stat_path(directory));
  if (!found) return names;
  for (const std::string& file : TRY(sys::list_directory(directory))) {
    if (!file.ends_with(suffix)) continue;
    std::string name = file.substr(0, file.size() - suffix.size());
    if (profile::check_name(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

ProfilePlaces profile_places(const char* xdg_config_home, const char* home) {
  const std::string_view xdg = xdg_config_home != nullptr ? xdg_config_home : "", own = home != nullptr ? home : "";
  ProfilePlaces places;
  // A relative one is to be ignored, says the XDG base directory specification.
  if (xdg.starts_with('/')) places.directories.push_back(path::join(xdg, "sbx/profiles"));
  else if (own.starts_with('/')) places.directories.push_back(path::join(own, ".config/sbx/profiles"));
  places.directories.emplace_back("/etc/sbx/profiles");
  return places;
}

bool is_profile_file(std::string_view name) { return name.find('/') != std::string_view::npos; }

Result<std::optional<ProfileText>> find_profile(const std::string& name, const ProfilePlaces& places) {
  if (is_profile_file(name)) {
    auto file = TRY(read_profile(name));
    if (!file) return fail("profile ", printable(name), " does not exist");
    return file;
  }
  const auto good = profile::check_name(name);
  if (!good) return fail_hint(good.error().hint, "profile ", good.error().message);
  for (const std::string& directory : places.directories) {
    auto file = TRY(read_profile(path::join(directory, text(name, suffix))));
    if (file) return file;
  }
  if (profile::find_builtin(name) == nullptr) return fail_not_found(name, places);
  return std::optional<ProfileText>{};
}

Result<profile::Profile> load_layer(const std::string& name, const ProfilePlaces& places) {
  const std::optional<ProfileText> file = TRY(find_profile(name, places));
  if (file) return profile::parse_profile(file->text, file->path);
  return profile::layer_of(*profile::find_builtin(name));
}

Result<profile::Profile> load_profile(const std::vector<std::string>& names, profile::Profile command_line,
                                      const ProfilePlaces& places) {
  const std::vector<std::string> asked = names.empty() ? std::vector<std::string>{"base"} : names;
  profile::Profile merged =
      TRY(profile::resolve(asked, [&](const std::string& name) { return load_layer(name, places); }));
  return profile::merge(std::move(merged), std::move(command_line));
}

Result<std::vector<std::string>> profile_names(const ProfilePlaces& places) {
  std::vector<std::string> names;
  for (const profile::Builtin& builtin : profile::builtins()) names.emplace_back(builtin.name);
  for (const std::string& directory : places.directories)
    for (std::string& name : TRY(names_in(directory))) names.push_back(std::move(name));
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

}  // namespace cli
