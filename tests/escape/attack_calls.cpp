// Attacks by system call: privileges, namespaces, foreign ABIs, io_uring, keys, what no program needs.
#include "attack.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace attack {

namespace {

// In a child, because a filter may kill: "0", an errno, or "killed N".
template <class Try>
void in_child(const std::string& key, Try attempt) {
  const int child = ::fork();
  if (child == 0) {
    const long result = attempt();
    ::_exit(result >= 0 ? 0 : errno < 120 ? errno : 120);
  }
  const int status = finish(child);
  errno = status;
  print(key, status > 128 ? "killed " + std::to_string(status - 128) : result_of(status == 0 ? 0 : -1));
}

void capabilities(const Words&) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{}, wanted[2]{};
  ::syscall(SYS_capget, &header, sets);
  wanted[0] = sets[0], wanted[1] = sets[1];
  wanted[0].inheritable = wanted[0].permitted | 1;
  print("inheritable", result_of(::syscall(SYS_capset, &header, wanted)));
  wanted[0].inheritable = 0, wanted[0].permitted = wanted[0].effective = 0xffffffff;
  print("permitted", result_of(::syscall(SYS_capset, &header, wanted)));
  print("ambient", result_of(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0)));
  print("keep-caps", result_of(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)));
  print("securebits", result_of(::prctl(PR_SET_SECUREBITS, 0, 0, 0, 0)));
  print("bounding", std::to_string(::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0)));
  print("no-new-privs-off", result_of(::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)));
}

void ids(const Words&) {
  print("setgroups", result_of(::setgroups(0, nullptr)));
  const gid_t other = 5;
  print("setgroups-other", result_of(::setgroups(1, &other)));
  print("setgid-other", result_of(::setresgid(5, 5, 5)));
  print("setuid-root", result_of(::setresuid(0, 0, 0)));
  print("setuid-other", result_of(::setresuid(7, 7, 7)));
  print("setfsuid", ::syscall(SYS_setfsuid, 7) >= 0 && ::syscall(SYS_setfsuid, -1) == 7 ? "0" : "refused");
}

void effective(const Words&) { print("euid", std::to_string(::geteuid())); }

void namespaces(const Words&) {
  in_child("unshare-user", [] { return ::unshare(CLONE_NEWUSER); });
  in_child("unshare-user-mount", [] { return ::unshare(CLONE_NEWUSER | CLONE_NEWNS); });
  in_child("unshare-user-high", [] { return ::syscall(SYS_unshare, CLONE_NEWUSER | (1UL << 40)); });
  in_child("clone-user", [] {
    const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) ::_exit(0);
    return child;
  });
  in_child("clone-user-high", [] {
    const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD | (1UL << 40), 0, 0, 0, 0);
    if (child == 0) ::_exit(0);
    return child;
  });
  in_child("clone3-user", [] {
    unsigned long arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0};
    const long child = ::syscall(SYS_clone3, arguments, sizeof arguments);
    if (child == 0) ::_exit(0);
    return child;
  });
  in_child("setns-own-user", [] {
    const int own = ::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    return own < 0 ? -1L : ::setns(own, 0);
  });
  in_child("setns-init", [] {
    const long init = ::syscall(SYS_pidfd_open, 1, 0);
    return init < 0 ? -1L : ::setns(static_cast<int>(init), CLONE_NEWNS);
  });
  in_child("unshare-mount", [] { return ::unshare(CLONE_NEWNS); });
}

// nested WORDS…: the attack as root of a user and mount namespace of its own.
void nested(const Words& words) {
  const bool made = become_root_of_new_namespace(CLONE_NEWNS | CLONE_NEWNET);
  print("nested", made ? "0" : result_of(-1));
  if (!made) return;
  Words rest{"/proc/self/exe"};
  rest.insert(rest.end(), words.begin() + 1, words.end());
  run_program(rest);
}

// getpid by the 32-bit entry and by the x32 numbers; both exist in a kernel that was built with them.
void foreign(const Words&) {
  in_child("int80", [] {
    long result = 20;
    asm volatile("int $0x80" : "+a"(result) : "b"(0L), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
    errno = ENOSYS;
    return result == ::getpid() ? 0L : -1L;
  });
  in_child("x32", [] { return ::syscall(0x40000000 | SYS_getpid); });
  in_child("int80-mount", [] {  // mount(2) has another number there
    long result = 21;
    asm volatile("int $0x80" : "+a"(result) : "b"(0L), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
    errno = static_cast<int>(-static_cast<int>(result));
    return -1L;
  });
}

void io_uring(const Words&) {
  unsigned parameters[30]{};
  const long ring = ::syscall(SYS_io_uring_setup, 4, parameters);
  print("io_uring_setup", result_of(ring));
}

constexpr int session_keyring = -3;  // KEY_SPEC_SESSION_KEYRING

// with-secret WORDS…: a session keyring with a secret in it, and then the program.
void with_secret(const Words& words) {
  print("join", result_of(::syscall(SYS_keyctl, 1 /* JOIN_SESSION_KEYRING */, nullptr)));
  const long key = ::syscall(SYS_add_key, "user", "attacked", "KEYRING-SECRET", 14, session_keyring);
  print("add", result_of(key));
  ::syscall(SYS_keyctl, 5 /* SETPERM */, key, 0x3f3f3f3f);
  run_program({words.begin() + 1, words.end()});
}

void keys(const Words&) {
  print("add_key", result_of(::syscall(SYS_add_key, "user", "mine", "x", 1, session_keyring)));
  print("request_key", result_of(::syscall(SYS_request_key, "user", "attacked", nullptr, session_keyring)));
  const long found = ::syscall(SYS_keyctl, 10 /* SEARCH */, session_keyring, "user", "attacked", 0);
  print("search", result_of(found));
  char text[64] = {};
  const long got = ::syscall(SYS_keyctl, 11 /* READ */, found, text, sizeof text - 1);
  print("read", got > 0 ? std::string(text) : result_of(got));
}

struct Call { const char* name; long number, arguments[5] = {}; };

// With arguments that the kernel refuses for another reason than a filter would, where it looks at them at all.
void dangerous(const Words&) {
  static char nowhere[64];
  const auto address = reinterpret_cast<long>(nowhere);
  const Call calls[] = {
      {"bpf", SYS_bpf, {999, 0, 0}}, {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, 0}},
      {"userfaultfd", SYS_userfaultfd, {1}}, {"kexec_load", SYS_kexec_load, {0, 99, 0, 0}},
      {"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0, 0}}, {"init_module", SYS_init_module, {0, 0, 0}},
      {"finit_module", SYS_finit_module, {-1, 0, 0}}, {"delete_module", SYS_delete_module, {0, 0}},
      {"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}}, {"mount", SYS_mount, {0, address, 0, 0, 0}},
      {"umount2", SYS_umount2, {address, 0}}, {"pivot_root", SYS_pivot_root, {address, address}},
      {"fsopen", SYS_fsopen, {0, 0}}, {"open_tree", SYS_open_tree, {-1, address, 0}},
      {"move_mount", SYS_move_mount, {-1, address, -1, address, 0}}, {"fsmount", SYS_fsmount, {-1, 0, 0}},
      {"mount_setattr", SYS_mount_setattr, {-1, address, 0, 0, 0}}, {"quotactl", SYS_quotactl, {0, 0, 0, 0}},
      {"acct", SYS_acct, {0}}, {"swapon", SYS_swapon, {address, 0}}, {"swapoff", SYS_swapoff, {address}},
      {"reboot", SYS_reboot, {0, 0, 0}}, {"settimeofday", SYS_settimeofday, {1, 0}},
      {"clock_settime", SYS_clock_settime, {0, 1}}, {"adjtimex", SYS_adjtimex, {1}},
      {"syslog", SYS_syslog, {3, 0, 0}}, {"ioperm", SYS_ioperm, {0, 1, 1}}, {"iopl", SYS_iopl, {3}},
      {"ptrace", SYS_ptrace, {99, 0, 0, 0}}, {"process_vm_readv", SYS_process_vm_readv, {-1, 0, 0, 0, 0}},
      {"pidfd_getfd", SYS_pidfd_getfd, {-1, 0, 0}}, {"fanotify_init", SYS_fanotify_init, {0, 0}},
      {"setns", SYS_setns, {-1, 0}}, {"keyctl", SYS_keyctl, {9999, 0, 0, 0}}, {"sethostname", SYS_sethostname, {0, -1}},
      {"lookup_dcookie", 212, {0, 0, 0}}, {"uselib", 134, {1}}, {"modify_ldt", SYS_modify_ldt, {0, 0, 0}},
      {"statmount", 457, {0, 0, 0, 0}}, {"listmount", 458, {0, 0, 0, 0}}, {"vhangup", SYS_vhangup},
      {"move_pages", SYS_move_pages, {0, 0, 0, 0, 0}}, {"personality", SYS_personality, {0x0040000}},
      {"socket-vsock", SYS_socket, {40, 1, 0}}, {"socket-alg", SYS_socket, {38, 5, 0}},
      {"socket-packet", SYS_socket, {17, 3, 0}}, {"unknown", 1000},
  };
  for (const Call& call : calls)
    in_child(call.name, [&] {
      const auto& a = call.arguments;
      return ::syscall(call.number, a[0], a[1], a[2], a[3], a[4]);
    });
}

}  // namespace

const std::vector<Row> call_attacks{
    {"capabilities", capabilities, 1, ""}, {"ids", ids, 1, ""},
    {"effective", effective, 1, ""},       {"namespaces", namespaces, 1, ""},
    {"nested", nested, 2, "ATTACK…"},      {"foreign", foreign, 1, ""},
    {"io-uring", io_uring, 1, ""},         {"with-secret", with_secret, 2, "PROGRAM…"},
    {"keys", keys, 1, ""},                 {"dangerous", dangerous, 1, ""},
};

}  // namespace attack
