// What the attacks share: results go out as "key value" lines, as the probe's do.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace attack {

using Words = std::vector<std::string>;

struct Row {
  const char* name;
  void (*act)(const Words& words);
  std::size_t words;
  const char* form;
};

// "0" for success, else the name of errno.
inline std::string result_of(long result) {
  if (result >= 0) return "0";
  const char* name = ::strerrorname_np(errno);
  return name != nullptr ? name : "?";
}
inline void print(const std::string& key, const std::string& value) {
  std::printf("%s %s\n", key.c_str(), value.c_str());
  std::fflush(stdout);
}

std::string first_bytes(const std::string& path);  // of a file, or the names in a directory; "" when there are none
bool put(const std::string& path, const std::string& text);
int finish(int pid);                               // exit status of a child, or 128 + its signal
void run_program(const Words& words);              // words[from…] as a program; does not return when it could be started
bool become_root_of_new_namespace(unsigned long flags);  // unshare with CLONE_NEWUSER, own id mapped to 0

extern const std::vector<Row> file_attacks, call_attacks, world_attacks, exec_attacks, ring_attacks;

}  // namespace attack
