// `sbx stats`: one look. "-" is what is not counted here.
#include "cli/json.h"
#include "cli/report.h"
#include "cli/sandboxes.h"
#include "cli/usage.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace cli {

namespace {

constexpr std::size_t columns = 9;
using Row = std::array<std::string, columns>;

std::string size_or_dash(const std::optional<std::uint64_t>& bytes) { return bytes ? rounded_size(*bytes) : "-"; }
std::string number_or_dash(const std::optional<std::uint64_t>& number) { return number ? text(*number) : "-"; }

Row row_of(const Usage& usage) {
  const supervise::CgroupUsage& counted = usage.counted;
  return {usage.sandbox.name, std::string(supervise::status_names[usage.sandbox.record.status]), describe_seconds(counted.cpu),
          size_or_dash(counted.memory), size_or_dash(usage.memory_limit), size_or_dash(counted.memory_peak),
          number_or_dash(counted.pids), size_or_dash(counted.io_read), size_or_dash(counted.io_written)};
}

}  // namespace

std::string describe_usages(const std::vector<Usage>& all) {
  std::vector<Row> rows{{"NAME", "STATUS", "CPU", "MEMORY", "LIMIT", "PEAK", "PIDS", "READ", "WRITTEN"}};
  for (const Usage& usage : all) rows.push_back(row_of(usage));
  std::array<std::size_t, columns> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < columns; ++i) out += padded(row[i], widths[i] + 2);
    out += row.back() + "\n";
  }
  return out;
}

int stats(const Options& options) {
  const auto look = [&]() -> Result<std::vector<Usage>> {
    const std::string sandboxes = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
    return read_usages(sandboxes, options.operands);
  };
  const auto all = look();
  if (!all) return print_error(all.error());
  return print_output(options.json ? usages_json(*all) : describe_usages(*all));
}

}  // namespace cli
