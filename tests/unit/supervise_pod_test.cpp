// The names of those who share a network: who is told which.
#include "supervise/pod.h"

#include "sys/file.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace supervise {
namespace {

sys::Fd file(const std::string& content) {
  char name[] = "/tmp/sbx-pod-XXXXXX";
  const int fd = ::mkstemp(name);
  EXPECT_GE(fd, 0);
  ::unlink(name);
  sys::Fd out(fd);
  EXPECT_TRUE(sys::rewrite_file(out, "test", content));
  return out;
}

std::string content_of(const sys::Fd& fd) {
  EXPECT_TRUE(sys::rewind_file(fd, "test"));
  auto content = sys::read_fd(fd, "test", 4096);
  EXPECT_TRUE(content);
  return content ? *content : "";
}

Pod pod() {
  Pod out;
  out.self = Member{.connection = {}, .hostname = "web", .names = {"web"}, .hosts = file("old content that is longer than what comes")};
  out.members.push_back(Member{.connection = {}, .hostname = "bb", .names = {"b", "bb"}, .hosts = file("")});
  out.members.push_back(Member{.connection = {}, .hostname = "sbx", .names = {}, .hosts = file("")});
  out.members.push_back(Member{.connection = {}, .hostname = "c", .names = {"c"}, .hosts = {}});
  out.hosts_text = [](const std::string& hostname, const std::vector<std::string>& fellows) { return text(hostname, ": ", join(fellows, " "), "\n"); };
  return out;
}

TEST(SupervisePod, EverybodyIsToldTheOthersNames) {
  const Pod all = pod();
  EXPECT_EQ(all.names(), (std::vector<std::string>{"web", "b", "bb", "c"}));
  ASSERT_TRUE(all.tell_names());
  EXPECT_EQ(content_of(all.self.hosts), "web: b bb c\n");
  EXPECT_EQ(content_of(all.members[0].hosts), "bb: web c\n");
  EXPECT_EQ(content_of(all.members[1].hosts), "sbx: web b bb c\n");
}

TEST(SupervisePod, OneThatCannotBeWrittenDoesNotKeepItFromTheOthers) {
  Pod all = pod();
  auto closed = sys::open_file("/dev/null", 0);  // to read only
  ASSERT_TRUE(closed);
  all.self.hosts = *std::move(closed);
  EXPECT_FALSE(all.tell_names());
  EXPECT_EQ(content_of(all.members[0].hosts), "bb: web c\n");
}

TEST(SupervisePod, ARequestToJoinHasNames) {
  const auto member = decode_member({"17", "host", "name", "host"});
  ASSERT_TRUE(member);
  EXPECT_EQ(member->hostname, "host");
  EXPECT_EQ(member->names, (std::vector<std::string>{"name", "host"}));
  for (const std::vector<std::string>& bad : {std::vector<std::string>{}, {"17"}, {"17", ""}, {"17", "a b"}, {"17", "h", "a\nb"}, {"17", "h", "a", "b", "c"}})
    EXPECT_FALSE(decode_member(bad)) << bad.size();
}

}  // namespace
}  // namespace supervise
