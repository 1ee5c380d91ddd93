// Attacks on what is mounted: masks, read-only mounts, the way back to the old root, special files.
#include "attack.h"

#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace attack {

namespace {

// write PATH…: opens for writing, and writes what is there already (a byte where nothing can be read).
void write_each(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string now = first_bytes(words[i]);
    const int fd = ::open(words[i].c_str(), O_WRONLY | O_CLOEXEC);
    const std::string text = now.empty() ? "0" : now;
    print("write", words[i] + " " + result_of(fd < 0 ? -1 : ::write(fd, text.data(), text.size())));
    ::close(fd);
  }
}

std::string state_of(const std::string& path) { return first_bytes(path).empty() ? "empty" : "revealed"; }

// unmask PATH…: whatever could take a cover away or go round it.
void unmask(const Words& words) {
  ::mkdir("/tmp/over", 0755);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& path = words[i];
    const char* name = path.c_str();
    print("before", path + " " + state_of(path));
    print("rename", path + " " + result_of(::rename(name, (path + ".moved").c_str())));
    print("unlink", path + " " + result_of(::unlink(name)));
    print("write", path + " " + result_of(::open(name, O_WRONLY | O_TRUNC | O_CLOEXEC)));
    print("remount", path + " " + result_of(::mount(nullptr, name, nullptr, MS_REMOUNT | MS_BIND, nullptr)));
    print("umount", path + " " + result_of(::umount2(name, 0)));
    print("detach", path + " " + result_of(::umount2(name, MNT_DETACH)));
    print("uncovered", path + " " + state_of(path));
    print("over", path + " " + result_of(::mount("/dev/null", name, nullptr, MS_BIND, nullptr)));
    print("after", path + " " + state_of(path));
  }
}

// A fresh file system of the same kind, or a copy of the mount without what covers it.
void fresh(const Words& words) {
  ::mkdir("/tmp/fresh", 0755);
  print("fresh-mount", result_of(::mount("none", "/tmp/fresh", words[1].c_str(), 0, nullptr)));
  print("fresh-seen", state_of("/tmp/fresh/" + words[3]));
  ::umount2("/tmp/fresh", MNT_DETACH);
  print("shallow-bind", result_of(::mount(words[2].c_str(), "/tmp/fresh", nullptr, MS_BIND, nullptr)));
  print("shallow-seen", state_of("/tmp/fresh/" + words[3]));
  const long tree = ::syscall(SYS_open_tree, AT_FDCWD, words[2].c_str(), 1 /* OPEN_TREE_CLONE */);
  print("shallow-tree", result_of(tree));
}

// remount DIRECTORY: makes it writable again and writes into it and below it.
void remount(const Words& words) {
  const std::string& path = words[1];
  print("create", result_of(::open((path + "/attacked").c_str(), O_WRONLY | O_CREAT, 0644)));
  print("remount", result_of(::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr)));
  struct { unsigned long set, clear, propagation, userns; } change{0, MOUNT_ATTR_RDONLY, 0, 0};
  print("mount_setattr", result_of(::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), AT_RECURSIVE, &change, sizeof change)));
  change.clear = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  print("drop-nosuid", result_of(::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), 0, &change, sizeof change)));
  print("create", result_of(::open((path + "/attacked").c_str(), O_WRONLY | O_CREAT, 0644)));
  print("create-below", result_of(::open((path + "/sub/attacked").c_str(), O_WRONLY | O_CREAT, 0644)));
}

// Ways back to the old root.
void old_root(const Words&) {
  print("umount-root", result_of(::umount2("/", MNT_DETACH)));
  print("chroot", result_of(::chroot(".")));
  print("pivot", result_of(::syscall(SYS_pivot_root, ".", ".")));
  bool climbed = ::chdir("/") == 0;
  for (int i = 0; i < 64; ++i) climbed = ::chdir("..") == 0 && climbed;
  print("climbed", climbed ? "0" : "failed");
  struct stat here {}, root {};
  ::stat(".", &here), ::stat("/", &root);
  print("above-root", here.st_ino == root.st_ino && here.st_dev == root.st_dev ? "no" : "yes");
  // Inode 2 is the root directory of most file systems, whatever of them was bound ("shocker").
  struct { unsigned bytes = 8; int type = 1; unsigned inode = 2, generation = 0; } handle;
  for (const char* from : {"/", "/usr"}) {
    const int fd = ::open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    print("open_by_handle_at", result_of(::syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY)));
  }
  std::ifstream in("/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) print("mount", line);
}

// mount-on DIRECTORY: a mount that must not be seen elsewhere.
void mount_on(const Words& words) {
  print("mount", result_of(::mount("attacked", words[1].c_str(), "tmpfs", 0, nullptr)));
  print("file", put(words[1] + "/attacked", "x") ? "0" : "failed");
}

void make_nodes(const Words& words) {
  const std::string at = words[1] + "/node";
  print("mknod-char", result_of(::mknod(at.c_str(), S_IFCHR | 0666, ::makedev(1, 3))));
  print("mknod-block", result_of(::mknod((at + "2").c_str(), S_IFBLK | 0666, ::makedev(254, 0))));
}

void open_each(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const int fd = ::open(words[i].c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    print("open", words[i] + " " + result_of(fd));
    ::close(fd);
  }
}

// sockets DIRECTORY: every path socket that can be found.
void find_sockets(const std::string& directory, int depth) {
  std::string names = first_bytes(directory);
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = names.find(' ', at);
    const std::string path = (directory == "/" ? "" : directory) + "/" + names.substr(at, end - at);
    at = end + 1;
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) continue;
    if (S_ISSOCK(found.st_mode)) print("socket", path);
    if (S_ISDIR(found.st_mode) && depth > 0 && path != "/proc" && path != "/sys" && path != "/usr")
      find_sockets(path, depth - 1);
  }
}

void sockets(const Words& words) {
  find_sockets(words[1], 5);
  print("searched", words[1]);
}

}  // namespace

const std::vector<Row> file_attacks{
    {"write", write_each, 2, "PATH…"},      {"unmask", unmask, 2, "PATH…"},
    {"fresh", fresh, 4, "TYPE MOUNT NAME"}, {"remount", remount, 2, "DIRECTORY"},
    {"old-root", old_root, 1, ""},          {"mount-on", mount_on, 2, "DIRECTORY"},
    {"nodes", make_nodes, 2, "DIRECTORY"},  {"open", open_each, 2, "PATH…"},
    {"sockets", sockets, 2, "DIRECTORY"},
};

}  // namespace attack
