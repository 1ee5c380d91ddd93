// What a launch must not change: the user's files, the processes and the mounts of the host. A test case derives
// from SystemTest and gets a directory of its own, and the check that nothing is left over.
#pragma once

#include "harness/sandbox_run.h"

#include <gtest/gtest.h>

#include <map>

namespace harness {

// A directory under $TMPDIR or /tmp (not below a git repository), removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  std::string write(std::string_view name, std::string_view content) const;  // makes the parents; the full path
  std::string make(std::string_view name) const;                              // a directory and its parents

 private:
  std::string path_;
};

std::string read_file(const std::string& file);

// Relative path -> type, mode, owner, modification time, link target and content of everything below a directory.
using Tree = std::map<std::string, std::string>;
Tree read_tree(const std::string& directory);
// "" when byte-identical, else one line per difference: "+new", "-gone", "~changed".
std::string changes(const Tree& before, const Tree& after);

Words mounts();                                   // the lines of /proc/self/mountinfo
std::vector<pid_t> children();                    // of this process and alive, orphans of what it ran included
std::vector<pid_t> processes_with(std::string_view marker);  // whose command line contains it
std::vector<pid_t> children_of(pid_t pid);
// Polls until `condition` holds; false after `limit`.
template <class Condition>
bool eventually(const Condition& condition, std::chrono::milliseconds limit = 5s) {
  const auto start = std::chrono::steady_clock::now();
  while (!condition()) {
    if (std::chrono::steady_clock::now() - start > limit * patience()) return false;
    const timespec pause{.tv_sec = 0, .tv_nsec = 2'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

// Why something this machine lacks makes a test impossible; "" where nothing is missing.
std::string no_user_namespaces();
std::string no_id_range();            // no newuidmap, or no subordinate ids for this account
std::string no_net_host();            // Landlock older than ABI 6 (Linux 6.12), or none
bool has_program(std::string_view name);

// "--ro …:/probe -- /probe WORDS": the arguments that run the probe in a sandbox, after OPTIONS.
Words with_probe(Words options, const Words& words);
// True when `text` contains `part`; EXPECT_PRED2(contains, text, part) prints both.
bool contains(const std::string& text, const std::string& part);

#define SKIP_IF(reason) \
  if (const std::string why_ = (reason); !why_.empty()) GTEST_SKIP() << why_

class SystemTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;  // no process, no mount and no file of ours may be left

  // sbx with the given arguments, its working directory in `dir`.
  Outcome run_sbx(Words arguments);
  // A line of shell in `dir`, with $sbx and $probe: for redirections, umask, ulimit and what else a shell arranges.
  Outcome run_shell(const std::string& script);

  TempDir dir;

 private:
  TempDir state_;  // XDG_STATE_HOME: names in use are a test's own
  Words mounts_before_;
};

}  // namespace harness
