// One function a check. The numbers are the kernel's interface, the same in all three ABIs; they stand here because
// plan/ reads no system headers. The tests try them on the kernel by the headers' names.
#include "plan/syscall_checks.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace plan {
namespace {

constexpr std::uint64_t word = 0xffffffff;  // the kernel takes these arguments as int

constexpr std::uint64_t put_character = 0x5412, console_control = 0x541c;  // TIOCSTI, TIOCLINUX

// CLONE_NEWUSER; and with NS, CGROUP, UTS, IPC, PID and NET. clone(2) has no time namespaces: their bit lies among
// those of the exit signal.
constexpr std::uint64_t user_namespace = 0x10000000, clone_namespaces = 0x7e020000;

struct Family {
  std::string_view name;
  int number;
  bool usual = false;
};
constexpr auto families = std::to_array<Family>({
    {"unix", 1, true}, {"inet", 2, true}, {"inet6", 10, true}, {"netlink", 16, true},
    {"ax25", 3},       {"packet", 17},    {"rds", 21},         {"ppp", 24},
    {"can", 29},       {"tipc", 30},      {"bluetooth", 31},   {"alg", 38},
    {"nfc", 39},       {"vsock", 40},     {"kcm", 41},         {"qipcrtr", 42},
    {"smc", 43},       {"xdp", 44},       {"mctp", 45},
});

struct Rules {
  std::vector<SyscallRule>& out;
  std::string_view call;
  SyscallAction action;

  void allow(std::vector<ArgumentCompare> compares = {}) {
    out.push_back({call, action, 0, std::move(compares)});
  }
  void deny(int code, std::vector<ArgumentCompare> compares = {}) {
    out.push_back({call, SyscallAction::deny, code, std::move(compares)});
  }
};

// Characters put into the terminal are read by the shell outside (CVE-2017-5226, CVE-2023-28100).
void check_ioctl(Rules rules, const Checks&, bool) {
  rules.deny(EPERM, {{1, word, put_character}});
  rules.deny(EPERM, {{1, word, console_control}});
  rules.allow();
}

void check_clone(Rules rules, const Checks& checks, bool) {
  if (checks.nested) return rules.allow();
  rules.allow({{0, checks.admin ? user_namespace : clone_namespaces, 0}});
  rules.deny(EPERM);
}

void check_unshare(Rules rules, const Checks& checks, bool named) {
  if (checks.nested || named) return rules.allow();
  rules.allow({{0, user_namespace, 0}});
  rules.deny(EPERM);
}

// A type of 0 joins whatever the descriptor is.
void check_setns(Rules rules, const Checks& checks, bool named) {
  if (checks.nested || named) return rules.allow();
  rules.allow({{1, user_namespace, 0}, {1, word, 0, true}});
  rules.deny(EPERM);
}

void check_socket(Rules rules, const Checks& checks, bool) {
  const auto has = [](const std::vector<int>& list, int number) {
    return std::ranges::find(list, number) != list.end();
  };
  for (const Family& family : families)
    if ((family.usual || has(checks.opened_families, family.number)) && !has(checks.closed_families, family.number))
      rules.allow({{0, word, static_cast<std::uint64_t>(family.number)}});
  rules.deny(EAFNOSUPPORT);
}

// The family is in memory, where no filter sees it.
void check_socketcall(Rules rules, const Checks&, bool named) {
  constexpr std::uint64_t make_socket = 1, make_pair = 8;  // SYS_SOCKET, SYS_SOCKETPAIR of linux/net.h
  if (named) return rules.allow();
  rules.deny(EPERM, {{0, word, make_socket}});
  rules.deny(EPERM, {{0, word, make_pair}});
  rules.allow();
}

// The values of docker's profile; ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC weaken the programs inside.
void check_personality(Rules rules, const Checks&, bool named) {
  if (named) return rules.allow();
  constexpr std::uint64_t linux32 = 8, uname26 = 0x20000, query = word;
  for (const std::uint64_t value : {std::uint64_t{0}, linux32, uname26, uname26 | linux32, query})
    rules.allow({{0, word, value}});
  rules.deny(EPERM);
}

template <void (*check)(Rules rules, const Checks& checks, bool named)>
void add(std::vector<SyscallRule>& rules, std::string_view call, SyscallAction action, const Checks& checks, bool named) {
  check({rules, call, action}, checks, named);
}

constexpr auto all_checks = std::to_array<Check>({
    {"clone", add<check_clone>},
    {"ioctl", add<check_ioctl>},
    {"personality", add<check_personality>},
    {"setns", add<check_setns>},
    {"socket", add<check_socket>},
    {"socketcall", add<check_socketcall>},
    {"socketpair", add<check_socket>},
    {"unshare", add<check_unshare>},
});

}  // namespace

std::span<const Check> known_checks() { return all_checks; }

std::optional<int> find_family(std::string_view name) {
  for (const Family& family : families)
    if (family.name == name) return family.number;
  return std::nullopt;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family& family : families) names.emplace_back(family.name);
  return names;
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (; value != 0; value >>= 4) out.insert(out.begin(), digits[value & 15]);
  return "0x" + (out.empty() ? std::string("0") : out);
}

}  // namespace plan
