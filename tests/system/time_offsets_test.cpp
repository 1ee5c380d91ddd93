// The clocks of [sandbox]: an hour more since boot inside than outside.
#include "harness/surroundings.h"

#include <cstdlib>

using namespace harness;

namespace {

class TimeOffsetsTest : public SystemTest {};

TEST_F(TimeOffsetsTest, BootTimeIsMoved) {
  const double outside = std::strtod(read_file("/proc/uptime").c_str(), nullptr);
  const Outcome inside = run_sbx({"--set", "sandbox.boottime=\"1h\"", "--", "cat", "/proc/uptime"});
  ASSERT_EQ(inside.status, 0) << inside.err;
  const double moved = std::strtod(inside.out.c_str(), nullptr) - outside;
  EXPECT_GE(moved, 3599);  // hundredths, as decimal fractions
  EXPECT_LE(moved, 3660);
}

}  // namespace
