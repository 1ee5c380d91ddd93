// The groups as text, sorted into one table by the compiler: a launch looks calls up and builds nothing.
#include "plan/syscall_groups.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace plan {
namespace {

struct Group {
  std::string_view name, calls;
};

// A group made of others ("@x" in its text) comes after them.
constexpr Group groups[] = {
    // Only the 32-bit ABI has these; no profile names this group.
    {"x86",
     "_llseek _newselect bdflush break chown32 clock_adjtime64 clock_getres_time64 clock_gettime64 "
     "clock_nanosleep_time64 clock_settime64 fadvise64_64 fchown32 fcntl64 fstat64 fstatat64 fstatfs64 ftime "
     "ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 gtty idle "
     "io_pgetevents_time64 ipc lchown32 lock lstat64 mmap2 mpx mq_timedreceive_time64 mq_timedsend_time64 nice "
     "oldfstat oldlstat oldolduname oldstat olduname ppoll_time64 prof profil pselect6_time64 readdir "
     "recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64 sendfile64 setfsgid32 "
     "setfsuid32 setgid32 setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 sgetmask sigaction "
     "signal sigpending sigprocmask sigreturn sigsuspend socketcall ssetmask stat64 statfs64 stime stty "
     "timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit ulimit umount "
     "utimensat_time64 vm86 vm86old waitpid"},
    // uprobe and uretprobe are made by the kernel's own trampolines.
    {"@default",
     "arch_prctl brk clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
     "clock_nanosleep_time64 execve exit exit_group futex futex_requeue futex_time64 futex_wait futex_waitv "
     "futex_wake get_robust_list get_thread_area getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
     "getgroups32 getpgid getpgrp getpid getppid getrandom getresgid getresgid32 getresuid getresuid32 getrlimit "
     "getsid gettid gettimeofday getuid getuid32 map_shadow_stack membarrier mmap mmap2 mprotect mseal munmap "
     "nanosleep pause prlimit64 restart_syscall rseq rt_sigreturn sched_getaffinity sched_yield set_robust_list "
     "set_thread_area set_tid_address sigreturn time ugetrlimit uprobe uretprobe"},
    {"@aio", "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit"},
    {"@basic-io",
     "_llseek close close_range dup dup2 dup3 lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv "
     "write writev"},
    {"@chown", "chown chown32 fchown fchown32 fchownat lchown lchown32"},
    {"@file-system",
     "access cachestat chdir chmod close creat faccessat faccessat2 fallocate fchdir fchmod fchmodat fchmodat2 fcntl "
     "fcntl64 fgetxattr file_getattr file_setattr flistxattr fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs "
     "fstatfs64 ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch "
     "inotify_init inotify_init1 inotify_rm_watch lgetxattr link linkat listxattr listxattrat llistxattr "
     "lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat newfstatat oldfstat oldlstat oldstat open "
     "openat openat2 readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr "
     "setxattrat stat stat64 statfs statfs64 statx symlink symlinkat truncate truncate64 unlink unlinkat utime "
     "utimensat utimensat_time64 utimes"},
    {"@io-event",
     "_newselect epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 poll "
     "ppoll ppoll_time64 pselect6 pselect6_time64 select"},
    {"@ipc",
     "ipc memfd_create memfd_secret mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
     "mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 semctl semget semop "
     "semtimedop semtimedop_time64 shmat shmctl shmdt shmget"},
    {"@memlock", "mlock mlock2 mlockall munlock munlockall"},
    // socket and socketpair: the usual families; others as "socket:FAMILY".
    {"@network-io",
     "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmmsg_time64 "
     "recvmsg sendmmsg sendmsg sendto setsockopt shutdown socket socketcall socketpair"},
    {"@pkey", "pkey_alloc pkey_free pkey_mprotect"},
    {"@process",
     "capget clone execveat fork getrusage kill pidfd_open pidfd_send_signal prctl process_madvise process_mrelease "
     "rt_sigqueueinfo rt_tgsigqueueinfo tgkill times tkill vfork wait4 waitid waitpid"},
    {"@resources",
     "ioprio_set mbind nice sched_setaffinity sched_setattr sched_setparam sched_setscheduler set_mempolicy "
     "set_mempolicy_home_node setpriority setrlimit"},
    {"@sandbox", "landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules "
     "lsm_set_self_attr seccomp"},
    {"@setuid",
     "setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid "
     "setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32"},
    {"@signal",
     "rt_sigaction rt_sigpending rt_sigprocmask rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaction "
     "sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigsuspend"},
    {"@sync", "fdatasync fsync msync sync sync_file_range syncfs"},
    {"@timer",
     "alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
     "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
     "timerfd_settime64 times"},
    // What a profile without `use` has.
    {"@standard",
     "@default @aio @basic-io @chown @file-system @io-event @ipc @memlock @network-io @pkey @process @resources "
     "@sandbox @setuid @signal @sync @timer capset copy_file_range fadvise64 fadvise64_64 flock get_mempolicy getcpu "
     "getpriority ioctl ioprio_get kcmp madvise mincore mremap name_to_handle_at oldolduname olduname personality "
     "readahead readdir remap_file_pages sched_get_priority_max sched_get_priority_min sched_getattr sched_getparam "
     "sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sendfile sendfile64 setpgid setsid splice "
     "sysinfo tee umask uname vmsplice"},
    // Off. Those of @privileged say EPERM, the others look absent.
    {"@clock", "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime"},
    {"@debug",
     "bpf lookup_dcookie perf_event_open pidfd_getfd process_vm_readv process_vm_writev ptrace userfaultfd"},
    {"@io-uring", "io_uring_enter io_uring_register io_uring_setup"},
    {"@keyring", "add_key keyctl request_key"},
    {"@module", "delete_module finit_module init_module"},
    {"@mount",
     "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree open_tree_attr pivot_root umount "
     "umount2"},
    {"@namespace", "clone3 setns unshare"},
    {"@raw-io", "ioperm iopl"},
    {"@reboot", "kexec_file_load kexec_load reboot"},
    {"@swap", "swapoff swapon"},
    {"@privileged",
     "@clock @debug @io-uring @keyring @module @mount @namespace @raw-io @reboot @swap acct fanotify_init "
     "fanotify_mark migrate_pages move_pages open_by_handle_at quotactl quotactl_fd setdomainname sethostname syslog "
     "vhangup"},
    {"@cpu-emulation", "modify_ldt vm86 vm86old"},
    {"@mount-query", "listmount statmount"},
    {"@obsolete",
     "_sysctl afs_syscall bdflush break create_module epoll_ctl_old epoll_wait_old ftime get_kernel_syms getpmsg gtty "
     "idle lock mpx nfsservctl prof profil putpmsg query_module security sgetmask ssetmask stty sysfs tuxcall ulimit "
     "uselib ustat vserver"},
};
constexpr std::size_t group_count = std::size(groups);
static_assert(group_count <= 64);

constexpr GroupMask bit_of(std::string_view name) {
  for (std::size_t i = 0; i < group_count; ++i)
    if (groups[i].name == name) return GroupMask{1} << i;
  return GroupMask{groups[group_count].name.size()};  // no such group: not a constant, so it does not compile
}

template <class Use>
constexpr void for_each_word(std::string_view in, Use use) {
  while (!in.empty()) {
    const std::size_t end = std::min(in.find(' '), in.size());
    if (end > 0) use(in.substr(0, end));
    in.remove_prefix(std::min(end + 1, in.size()));
  }
}

struct Collected {
  std::array<KnownCall, 1000> calls{};
  std::size_t size = 0;
};

constexpr Collected collect() {
  Collected all;
  for (const Group& group : groups)
    for_each_word(group.calls, [&](std::string_view word) {
      if (word[0] != '@') all.calls[all.size++] = {word, bit_of(group.name)};
    });
  const auto begin = all.calls.begin(), end = begin + static_cast<std::ptrdiff_t>(all.size);
  std::sort(begin, end, [](const KnownCall& a, const KnownCall& b) { return a.name < b.name; });
  std::size_t last = 0;
  for (std::size_t i = 1; i < all.size; ++i) {
    if (all.calls[i].name == all.calls[last].name) all.calls[last].groups |= all.calls[i].groups;
    else all.calls[++last] = all.calls[i];
  }
  all.size = last + 1;
  for (const Group& group : groups)
    for_each_word(group.calls, [&](std::string_view word) {
      if (word[0] != '@') return;
      const GroupMask part = bit_of(word), whole = bit_of(group.name);
      for (std::size_t i = 0; i < all.size; ++i)
        if ((all.calls[i].groups & part) != 0) all.calls[i].groups |= whole;
    });
  return all;
}

constexpr Collected collected = collect();

constexpr std::array<KnownCall, collected.size> calls = [] {
  std::array<KnownCall, collected.size> out{};
  std::copy_n(collected.calls.begin(), collected.size, out.begin());
  return out;
}();

}  // namespace

std::span<const KnownCall> known_calls() { return calls; }

const KnownCall* find_call(std::string_view name) {
  const auto found = std::ranges::lower_bound(calls, name, {}, &KnownCall::name);
  return found != calls.end() && found->name == name ? &*found : nullptr;
}

std::optional<GroupMask> find_group(std::string_view name) {
  if (!name.starts_with('@')) return std::nullopt;
  for (std::size_t i = 0; i < group_count; ++i)
    if (groups[i].name == name) return GroupMask{1} << i;
  return std::nullopt;
}

GroupMask group_of_refused_calls() {
  constexpr GroupMask bit = bit_of("@privileged");
  return bit;
}

GroupMask group_of_x86_calls() {
  constexpr GroupMask bit = bit_of("x86");
  return bit;
}

std::vector<std::string> group_names() {
  std::vector<std::string> names;
  for (const Group& group : groups)
    if (group.name.starts_with('@')) names.emplace_back(group.name);
  return names;
}

}  // namespace plan
