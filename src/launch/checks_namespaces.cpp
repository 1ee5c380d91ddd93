// Namespaces and ids: clone3(2), user_namespaces(7), newuidmap(1), a tap device, time_namespaces(7).
#include "launch/trial.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/tap.h"

#include <fcntl.h>
#include <linux/sched.h>

namespace launch {

namespace {

std::uint64_t total(const std::vector<IdMap>& maps) {
  std::uint64_t sum = 0;
  for (const IdMap& map : maps) sum += map.count;
  return sum;
}

}  // namespace

Attempt try_processes() {
  return try_stage(0, nullptr, [] { return Result<std::string>("clone3 and pidfd work"); });
}

Attempt try_user_namespace() {
  return try_stage(CLONE_NEWUSER, nullptr, [] { return Result<std::string>("can be made"); });
}

Attempt try_id_map(const plan::Identity& identity) {
  const IdMap& own = identity.uids.front();
  return try_stage(CLONE_NEWUSER, &identity, [&] {
    return Result<std::string>(text("user ", own.outside, " is ", own.inside, " inside"));
  });
}

Attempt try_id_range(const plan::Identity& identity) {
  return try_stage(CLONE_NEWUSER, &identity, [&] {
    return Result<std::string>(text(total(identity.uids), " user and ", total(identity.gids), " group ids"));
  });
}

Attempt try_tap(const plan::Identity& identity) {
  return try_stage(CLONE_NEWUSER | CLONE_NEWNET, &identity, []() -> Result<std::string> {
    const sys::Fd tap = TRY(sys::make_tap("sbx0"));
    return "made in a network namespace";
  });
}

Attempt try_time(const plan::Identity& identity) {
  return try_stage(CLONE_NEWUSER, &identity, []() -> Result<std::string> {
    TRY(sys::enter_new_time_namespace());
    TRY(sys::set_dumpable(true));  // as init does
    const sys::Fd offsets = TRY(sys::open_file("/proc/self/timens_offsets", O_WRONLY));
    TRY(sys::write_all(offsets.get(), "/proc/self/timens_offsets", "boottime 60 0\n"));
    return "offsets can be set";
  });
}

}  // namespace launch
