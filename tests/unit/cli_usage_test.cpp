// What stats and top show: numbers of the kernel's files, and a picture that stays within the screen.
#include "cli/sandboxes.h"
#include "cli/usage.h"

#include <gtest/gtest.h>

#include <csignal>

namespace cli {
namespace {

using namespace std::chrono_literals;

Usage usage_of(const std::string& name, double share, std::optional<std::uint64_t> memory) {
  Usage usage;
  usage.sandbox.name = name, usage.sandbox.alive = true, usage.sandbox.record.status = supervise::Status::running;
  usage.counted.cpu = 1500ms, usage.counted.memory = memory, usage.counted.pids = 3;
  usage.cpu_share = share;
  return usage;
}

std::size_t count(const std::string& in, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = in.find(part); at != std::string::npos; at = in.find(part, at + 1)) ++found;
  return found;
}

TEST(CliUsage, AProcessIsReadWhateverItsName) {
  const auto use = parse_process("12 (a ) b) S 1 12 12 0 -1 4194560 100 200 0 0 7 5 2 1 20 0 4 0 100 5000000 250 1844\n");
  ASSERT_TRUE(use);
  EXPECT_EQ(use->cpu, 150ms);
  EXPECT_EQ(use->memory, 250u * 4096);
  EXPECT_EQ(use->threads, 4u);
  for (const char* text : {"", "12 (a", "12 (a) S 1 2", "12 a S"}) EXPECT_FALSE(parse_process(text)) << text;
}

TEST(CliUsage, ACpuLimit) {
  EXPECT_DOUBLE_EQ(*parse_cpu_limit("150000 100000\n"), 1.5);
  for (const char* text : {"max 100000\n", "", "1", "1 0"}) EXPECT_FALSE(parse_cpu_limit(text)) << text;
}

TEST(CliUsage, TheTableHasDashesForWhatIsNotCounted) {
  const std::string table = describe_usages({usage_of("web", 0, 3 << 20)});
  EXPECT_EQ(table,
            "NAME  STATUS   CPU    MEMORY  LIMIT  PEAK  PIDS  READ  WRITTEN\n"
            "web   running  1.50s  3.0M    -      -     3     -     -\n");
}

TEST(CliUsage, TheScreenIsNeverLeft) {
  std::vector<Usage> all;
  for (int i = 0; i < 30; ++i) all.push_back(usage_of("sandbox-with-a-long-name-" + std::to_string(i), 5.0, 9 << 20));
  for (const unsigned rows : {1u, 2u, 5u, 24u})
    for (const unsigned columns : {1u, 20u, 80u, 300u}) {
      const std::string screen = draw_screen(all, {.rows = rows, .columns = columns, .processors = 2, .memory = 8 << 20});
      EXPECT_EQ(count(screen, "\r\n"), rows - 1);
      EXPECT_EQ(count(screen, "\033[K"), rows);
      EXPECT_TRUE(screen.starts_with("\033[H"));
      EXPECT_TRUE(screen.ends_with("\033[J"));
      std::string plain;
      for (std::size_t i = 0; i < screen.size(); ++i)
        if (screen[i] == '\033') i += 2;
        else plain += screen[i];
      for (std::size_t at = 0, end = 0; at < plain.size(); at = end + 2) {
        end = std::min(plain.find("\r\n", at), plain.size());
        EXPECT_LE(end - at, columns);
      }
    }
}

TEST(CliUsage, ABarIsTheShareOfTheLimit) {
  Usage usage = usage_of("web", 0.5, 50);
  usage.cpus_limit = 1.0, usage.memory_limit = 100;
  const std::string screen = draw_screen({usage}, {.rows = 24, .columns = 80, .processors = 8, .memory = 1 << 30});
  EXPECT_EQ(count(screen, "[######      ]"), 2u) << screen;
  EXPECT_EQ(count(screen, "50.0%"), 1u) << screen;
}

TEST(CliSandboxes, Signals) {
  for (const char* word : {"TERM", "SIGTERM", "term", "sigTerm", "15"}) EXPECT_EQ(*parse_signal(word), SIGTERM) << word;
  EXPECT_EQ(*parse_signal("64"), 64);
  for (const char* word : {"", "0", "65", "-1", "SIG", "TREM", "9x"}) EXPECT_FALSE(parse_signal(word)) << word;
  EXPECT_EQ(parse_signal("TERN").error().hint, "did you mean 'SIGTERM'?");
}

TEST(CliSandboxes, Ages) {
  EXPECT_EQ(describe_age(-5), "0s");
  EXPECT_EQ(describe_age(59'999'999), "59s");
  EXPECT_EQ(describe_age(60'000'000), "1m");
  EXPECT_EQ(describe_age(3'600'000'000), "1h");
  EXPECT_EQ(describe_age(49LL * 3'600'000'000), "2d");
}

}  // namespace
}  // namespace cli
