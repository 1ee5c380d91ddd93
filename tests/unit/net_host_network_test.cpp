// resolv.conf(5) as name servers, and what this machine says of itself.
#include "net/host_network.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace net {
namespace {

std::vector<std::string> servers(std::string_view in) {
  std::vector<std::string> out;
  for (const Address& address : parse_resolvers(in)) out.push_back(to_text(address));
  return out;
}

TEST(NetHostNetwork, ResolversAreTheFirstThreeNameservers) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(servers("# c\nnameserver 127.0.0.53\noptions edns0\n"), Words{"127.0.0.53"});
  EXPECT_EQ(servers("nameserver\t2001:db8::1\n nameserver fe80::1%eth0 # x\nnameserver 1.1.1.1\nnameserver 9.9.9.9"),
            (Words{"2001:db8::1", "fe80::1", "1.1.1.1"}));
  EXPECT_EQ(servers("nameserver 1.1.1.1\nnameserver 1.1.1.1\n"), Words{"1.1.1.1"});
  EXPECT_EQ(servers("nameservers 1.1.1.1\nnameserver one\n;nameserver 2.2.2.2\n"), Words{"127.0.0.1"});
  EXPECT_EQ(servers(""), Words{"127.0.0.1"});
}

TEST(NetHostNetwork, ThisMachineHasALoopback) {
  const auto host = probe_host_network();
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_NE(std::ranges::find(host->addresses, Address::from_v4(0x7f000001)), host->addresses.end());
  EXPECT_FALSE(host->resolvers.empty());
}

TEST(NetHostNetwork, AQuietWatchHasNoChanges) {
  const auto watch = watch_host_network();
  ASSERT_TRUE(watch) << watch.error().message;
  const auto changed = take_changes(*watch);
  ASSERT_TRUE(changed) << changed.error().message;
}

}  // namespace
}  // namespace net
