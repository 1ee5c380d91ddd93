// What the engine tells the launcher while it runs: what was refused, once each, and what passed. Records are kept in
// a table of fixed size, so that a sandbox which knocks on a thousand doors costs neither memory nor a flooded log.
#pragma once

#include "net/control.h"
#include "net/mapped_array.h"
#include "net/name.h"
#include "net/policy.h"
#include "net/siphash.h"
#include "sys/fd.h"

namespace net {

class Reporter {
 public:
  static Result<Reporter> make(const SipKey& key);
  void attach(const sys::Fd* control) { control_ = control; }

  // `rule` and its text outlive the record's next flush. Told at once when it is new, its count later.
  void denied(Protocol protocol, const Endpoint& target, std::string_view host, std::string_view rule, Milliseconds now);
  bool tick();                              // once a second: counts that changed; true: there are more
  // `wait`: until the launcher has read what came before, if need be. Otherwise what finds no room is left out.
  void totals(const Policy& policy, std::uint64_t open_flows, bool wait);

  Totals counted{};

 private:
  static constexpr std::size_t places = 1024, probes = 8;
  static constexpr std::uint32_t burst = 50, per_second = 10;
  struct Place {
    Protocol protocol;
    bool used, changed;
    Endpoint target;
    Name host;
    std::string_view rule;
    std::uint32_t count;
    Milliseconds last;
  };
  Place& find(Protocol protocol, const Endpoint& target, std::string_view host, std::string_view rule);
  bool tell(Place& place);
  bool send(std::string_view message);

  SipKey key_{};
  const sys::Fd* control_ = nullptr;
  MappedArray<Place> places_;
  std::uint32_t tokens_ = burst, suppressed_ = 0;
  std::size_t sweep_ = 0;
  bool wait_ = false;
  ControlBuffer buffer_;
};

}  // namespace net
