// A message of the control socket is refused, or says the same again when it is encoded once more.
#include "net/control.h"

#include <array>
#include <cstdlib>

namespace {

void same(std::string_view again, std::string_view in) {
  if (again != in) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static net::ControlBuffer buffer;
  static std::array<net::RuleTotals, net::most_rules_per_message> rules;
  const std::string_view in(reinterpret_cast<const char*>(bytes), size);
  if (!net::kind_of(in)) return 0;
  net::HostNetwork host;
  if (net::decode_host(in, host)) same(net::encode(host, buffer), in);
  if (const auto error = net::decode_failed(in)) same(net::encode(*error, buffer), in);
  if (const auto denied = net::decode_denied(in)) same(net::encode(*denied, buffer), in);
  if (const auto totals = net::decode_totals(in)) same(net::encode(*totals, buffer), in);
  if (const auto count = net::decode_rules(in, rules)) {
    std::span<const net::RuleTotals> all(rules.data(), *count);
    const std::string_view again = net::encode(all, buffer);
    if (all.empty()) same(again, in);
  }
  return 0;
}
