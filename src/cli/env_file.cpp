// Values are taken as they are: no quotes, no expansion. What -e says on the command line wins over a file.
#include "cli/env_file.h"

#include "sys/file.h"

namespace cli {

namespace {
constexpr std::size_t most_bytes = 1 << 20;
}

Result<> parse_env_file(profile::Profile& layer, std::string_view content, const std::string& file) {
  int number = 0;
  profile::Map entries;
  for (const std::string& line : split(content, '\n')) {
    ++number;
    const std::string_view entry = trim(line);
    if (entry.empty() || entry[0] == '#') continue;
    const std::size_t equals = entry.find('=');
    const profile::Origin origin{file, number, 1};
    if (equals == 0 || entry.find('\0') != std::string_view::npos)
      return fail_hint("write NAME=VALUE, or NAME alone to pass it on", printable(file), ":", number, ": not a variable");
    if (equals == std::string_view::npos) layer.env_pass.push_back({std::string(entry), origin});
    else entries.emplace_back(std::string(entry.substr(0, equals)), profile::Item{std::string(entry.substr(equals + 1)), origin});
  }
  layer.env_set.insert(layer.env_set.begin(), entries.begin(), entries.end());
  return {};
}

Result<> add_env_files(profile::Profile& layer, const std::vector<std::string>& files) {
  for (auto file = files.rbegin(); file != files.rend(); ++file) {  // each goes in front, so the last one wins
    const std::string content = TRY(sys::read_file(*file, most_bytes));
    TRY(parse_env_file(layer, content, *file));
  }
  return {};
}

}  // namespace cli
