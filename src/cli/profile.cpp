// The profile commands. They read, and print what a launch would see.
#include "cli/profile.h"

#include "profile/describe.h"
#include "profile/merge.h"
#include "profile/parse.h"

#include <algorithm>

namespace cli {

namespace {

struct Row {
  std::string name, where, description;
};

// A profile that cannot be read is listed with the reason: leaving it out would hide it.
Row list_row(const std::string& name, const ProfilePlaces& places) {
  Row row{name, "built in", {}};
  const auto file = find_profile(name, places);
  if (file && *file) row.where = printable((*file)->path);
  const auto layer = load_layer(name, places);
  if (!layer) row.where = "unusable", row.description = layer.error().message;
  else if (layer->description) row.description = printable(layer->description->value);
  return row;
}

std::string padded(std::string in, std::size_t width) {
  in.resize(std::max(in.size(), width), ' ');
  return in;
}

Result<profile::Profile> load_one(const std::string& name, const ProfilePlaces& places) {
  return load_profile({name}, {}, places);
}

// Read once: a FILE may be a pipe.
std::vector<Error> check_one(const std::string& name, const ProfilePlaces& places) {
  auto file = find_profile(name, places);
  if (!file) return {std::move(file).error()};
  profile::Reading reading;
  if (*file) reading = profile::parse_all((*file)->text, (*file)->path);
  if (!reading.errors.empty()) return std::move(reading.errors);
  const auto merged = profile::resolve({name}, [&](const std::string& wanted) -> Result<profile::Profile> {
    if (*file && wanted == name) return reading.layer;
    return load_layer(wanted, places);
  });
  if (!merged) return {merged.error()};
  return {};
}

}  // namespace

Result<std::string> profile_list(const ProfilePlaces& places) {
  std::vector<Row> rows;
  std::size_t name_width = 0, where_width = 0;
  for (const std::string& name : TRY(profile_names(places))) {
    rows.push_back(list_row(name, places));
    name_width = std::max(name_width, rows.back().name.size());
    where_width = std::max(where_width, rows.back().where.size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = text(padded(row.name, name_width), "  ", padded(row.where, where_width), "  ", row.description);
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

Result<std::string> profile_show(const std::vector<std::string>& names, bool origin, const ProfilePlaces& places) {
  const profile::Profile merged = TRY(load_profile(names, {}, places));
  std::vector<std::string> chain;
  for (const std::string& name : merged.chain) chain.push_back(printable(name));
  return text("# ", join(chain, " + "), "\n", profile::describe_profile(merged, origin));
}

Result<std::string> profile_diff(const std::string& first, const std::string& second, const ProfilePlaces& places) {
  const profile::Profile a = TRY(load_one(first, places));
  const profile::Profile b = TRY(load_one(second, places));
  return profile::describe_difference(a, b);
}

ProfileCheck profile_check(const std::vector<std::string>& names, const ProfilePlaces& places) {
  ProfileCheck out;
  for (const std::string& name : names) {
    std::vector<Error> errors = check_one(name, places);
    if (errors.empty()) out.text += text(printable(name), ": ok\n");
    std::ranges::move(errors, std::back_inserter(out.errors));
  }
  return out;
}

}  // namespace cli
