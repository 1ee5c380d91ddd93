// Hosts that are worse than this one: shared mounts, submounts in what is bound, descriptors left open.
#include "attack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace attack {

namespace {

// As become_root_of_new_namespace, with the own ids kept: sbx behaves as for the user.
bool enter_own_world() {
  const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", uid + " " + uid + " 1") &&
         put("/proc/self/gid_map", gid + " " + gid + " 1") && ::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) == 0;
}

bool wait_for_file(const std::string& path) {
  for (int i = 0; i < 5000; ++i) {
    if (::access(path.c_str(), F_OK) == 0) return true;
    ::usleep(1000);
  }
  return false;
}

// shared DIRECTORY PROGRAM…: everything is shared, a tmpfs lies on DIRECTORY/sub; once the program has made
// DIRECTORY/ready, one more is mounted on DIRECTORY/late. In the end, what is seen outside.
void shared(const Words& words) {
  const std::string& at = words[1];
  if (!enter_own_world()) return print("world", result_of(-1));
  print("world", result_of(::mount("world", (at + "/sub").c_str(), "tmpfs", 0, nullptr)));
  put(at + "/sub/file", "below");
  const int child = ::fork();
  if (child == 0) {
    run_program({words.begin() + 2, words.end()});
    ::_exit(127);
  }
  if (words.back() == at && wait_for_file(at + "/ready")) {
    ::mount("world", (at + "/late").c_str(), "tmpfs", 0, nullptr);
    put(at + "/late/token", "late"), put(at + "/go", "go");
  }
  print("status", std::to_string(finish(child)));
  print("outside-mark", first_bytes(at + "/mark"));
  print("outside-sub", first_bytes(at + "/sub"));
}

// late DIRECTORY: what a mount made outside meanwhile shows inside, and one made inside outside.
void late(const Words& words) {
  print("mount-mark", result_of(::mount("attacked", (words[1] + "/mark").c_str(), "tmpfs", 0, nullptr)));
  put(words[1] + "/mark/attacked", "x");
  put(words[1] + "/ready", "x");
  print("waited", wait_for_file(words[1] + "/go") ? "0" : "too long");
  print("late", first_bytes(words[1] + "/late"));
}

// with-fds DIRECTORY PROGRAM…: a directory on 7, a file on 9 and a socket-like pipe on 11, not close-on-exec.
void with_fds(const Words& words) {
  ::dup2(::open(words[1].c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), 7);
  ::dup2(::open("/etc/hostname", O_RDONLY | O_CLOEXEC), 9);
  int ends[2] = {};
  if (::pipe(ends) == 0) ::dup2(ends[1], 11);
  run_program({words.begin() + 2, words.end()});
}

// with-directory-on FD DIRECTORY PROGRAM…
void with_directory_on(const Words& words) {
  ::dup2(::open(words[2].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), std::stoi(words[1]));
  run_program({words.begin() + 3, words.end()});
}

// with-input FILE PROGRAM…: the file for reading only, as standard input.
void with_input(const Words& words) {
  ::dup2(::open(words[1].c_str(), O_RDONLY | O_CLOEXEC), 0);
  run_program({words.begin() + 2, words.end()});
}

// in-deleted DIRECTORY PROGRAM…: from a working directory that is no more.
void in_deleted(const Words& words) {
  ::mkdir(words[1].c_str(), 0755);
  if (::chdir(words[1].c_str()) != 0 || ::rmdir(words[1].c_str()) != 0) return print("deleted", result_of(-1));
  run_program({words.begin() + 2, words.end()});
}

}  // namespace

const std::vector<Row> world_attacks{
    {"shared", shared, 3, "DIRECTORY PROGRAM…"},
    {"late", late, 2, "DIRECTORY"},
    {"with-fds", with_fds, 3, "DIRECTORY PROGRAM…"},
    {"with-directory-on", with_directory_on, 4, "FD DIRECTORY PROGRAM…"},
    {"with-input", with_input, 3, "FILE PROGRAM…"},
    {"in-deleted", in_deleted, 3, "DIRECTORY PROGRAM…"},
};

}  // namespace attack
