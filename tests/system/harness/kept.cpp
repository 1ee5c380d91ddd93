// The origin is written as a launch does: the instant is the ctime of something just made beside the upper.
#include "harness/kept.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

namespace harness {

namespace fs = std::filesystem;

Contents contents_of(const std::string& directory) {
  Contents out;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    struct stat facts {};
    const std::string path = entry.path();
    if (::lstat(path.c_str(), &facts) != 0) continue;
    std::ostringstream value;
    value << std::oct << facts.st_mode << ' ';
    if (S_ISLNK(facts.st_mode)) value << fs::read_symlink(path).string();
    if (S_ISREG(facts.st_mode)) value << read_file(path);
    out[path.substr(directory.size() + 1)] = value.str();
  }
  return out;
}

std::string describe_difference(const Contents& one, const Contents& other) {
  std::string out;
  for (const auto& [path, value] : one) {
    const auto found = other.find(path);
    if (found == other.end()) out += "-" + path + "\n";
    else if (found->second != value) out += "~" + path + " " + value.substr(0, 40) + " | " + found->second.substr(0, 40) + "\n";
  }
  for (const auto& [path, value] : other)
    if (!one.contains(path)) out += "+" + path + "\n";
  return out;
}

std::string no_user_overlay() {
  if (const std::string why = no_user_namespaces(); !why.empty()) return why;
  const TempDir place;
  const std::string script = "cd " + place.path() + "; mkdir -p l/d u w m; mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w,userxattr m && rmdir m/d && mkdir m/d";
  return run({.argv = {"unshare", "-Urm", "sh", "-ec", script}}).status == 0 ? "" : "the kernel mounts no overlay for a user";
}

void KeptTest::SetUp() {
  SystemTest::SetUp();
  SKIP_IF(no_user_overlay());
  dir.make("project");
  dir.make("merged");
}

void KeptTest::make_project(const std::string& script) {
  const Outcome made = run({.argv = {"sh", "-ec", script}, .cwd = project()});
  ASSERT_EQ(made.status, 0) << made.err;
}

void KeptTest::begin(const std::string& engine, const std::string& map) {
  for (const char* part : {"", "/sbx", "/sbx/sandboxes", "/sbx/sandboxes/try"}) fs::create_directory(dir / ("state" + std::string(part)));
  fs::create_directories(upper());
  const std::string beside = place() + "/changes/0/";
  fs::create_directories(beside + "work");
  struct stat now {}, lower {};
  ASSERT_EQ(::lstat((beside + "work").c_str(), &now), 0);
  ASSERT_EQ(::lstat(project().c_str(), &lower), 0);
  std::string part = std::to_string(now.st_ctim.tv_nsec);
  part.insert(0, 9 - part.size(), '0');
  std::ofstream(beside + "origin") << "inside " << project() << "\noutside " << project() << "\nengine " << engine << "\nmap " << map << "\nstarted "
                                   << now.st_ctim.tv_sec << '.' << part << "\ndevice " << lower.st_dev << "\ninode " << lower.st_ino << "\n";
  const timespec tick{.tv_sec = 0, .tv_nsec = 20'000'000};  // a file system's clock has ticks
  ::nanosleep(&tick, nullptr);
}

void KeptTest::run_in_overlay(const std::string& script) {
  const std::string mount = "mount -t overlay overlay -o lowerdir=" + project() + ",upperdir=" + upper() + ",workdir=" + place() +
                            "/changes/0/work,userxattr " + (dir / "merged") + "; cd " + (dir / "merged") + "; ";
  const Outcome ran = run({.argv = {"unshare", "-Urm", "sh", "-ec", mount + script}});
  ASSERT_EQ(ran.status, 0) << ran.err;
}

Outcome KeptTest::forge(const std::string& script) { return run({.argv = {"unshare", "-Urm", "sh", "-ec", "cd " + upper() + "; " + script}}); }

Contents KeptTest::merged() {
  const std::string copy = dir / "seen";
  fs::remove_all(copy);
  run_in_overlay("cp -a . " + copy);
  return contents_of(copy);
}

Outcome KeptTest::sbx_try(Words words, Words environment, const std::string& binary) {
  words.insert(words.begin(), binary);
  environment.push_back("XDG_STATE_HOME=" + (dir / "state"));
  return run({.argv = std::move(words), .cwd = dir.path(), .environment = std::move(environment), .timeout = 60s});
}

std::string KeptTest::diff(Words paths) {
  paths.insert(paths.begin(), {"diff", "try"});
  const Outcome outcome = sbx_try(paths);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.out;
}

}  // namespace harness
