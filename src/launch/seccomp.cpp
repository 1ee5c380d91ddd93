// Assembles the filter. libseccomp names the numbers; the program is our own, because libseccomp has no "not
// equal" under a mask (ioctl: all but TIOCSTI), lets an unconditional rule of a call swallow its conditional
// ones, and writes 480 instructions where ranges need 126; installing a filter costs the kernel some 0.2 µs
// an instruction.
//
//   arch? ─┬─ x86-64: number? ─ binary search over ranges of one verdict ─ verdict, or the call's compares
//          ├─ x32, x86: the same, where the policy lets them in
//          └─ else: kill
#include "launch/seccomp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <span>
#include <utility>

namespace launch {
namespace {

using plan::ArgumentCompare;
using plan::SyscallRule;

constexpr std::uint32_t x32_bit = 0x40000000;

// What libseccomp 2.5.4 has no number for: calls newer than it, and on x86 the direct form of those that are also
// reached through socketcall and ipc. The tests compare the whole table of calls with the kernel's.
struct Number {
  std::string_view name;
  int native, x86;  // x32 has x86's: it lacks the same two
};
constexpr int none = -1;
constexpr auto numbers = std::to_array<Number>({
    {"uretprobe", 335, none},         {"uprobe", 336, none},            {"cachestat", 451, 451},
    {"fchmodat2", 452, 452},          {"map_shadow_stack", 453, 453},   {"futex_wake", 454, 454},
    {"futex_wait", 455, 455},         {"futex_requeue", 456, 456},      {"statmount", 457, 457},
    {"listmount", 458, 458},          {"lsm_get_self_attr", 459, 459},  {"lsm_set_self_attr", 460, 460},
    {"lsm_list_modules", 461, 461},   {"mseal", 462, 462},              {"setxattrat", 463, 463},
    {"getxattrat", 464, 464},         {"listxattrat", 465, 465},        {"removexattrat", 466, 466},
    {"open_tree_attr", 467, 467},     {"file_getattr", 468, 468},       {"file_setattr", 469, 469},
    {"recvmmsg", none, 337},          {"sendmmsg", none, 345},          {"socket", none, 359},
    {"socketpair", none, 360},        {"bind", none, 361},              {"connect", none, 362},
    {"listen", none, 363},            {"accept4", none, 364},           {"getsockopt", none, 365},
    {"setsockopt", none, 366},        {"getsockname", none, 367},       {"getpeername", none, 368},
    {"sendto", none, 369},            {"sendmsg", none, 370},           {"recvfrom", none, 371},
    {"recvmsg", none, 372},           {"shutdown", none, 373},          {"semget", none, 393},
    {"semctl", none, 394},            {"shmget", none, 395},            {"shmctl", none, 396},
    {"shmat", none, 397},             {"shmdt", none, 398},             {"msgget", none, 399},
    {"msgsnd", none, 400},            {"msgrcv", none, 401},            {"msgctl", none, 402},
});

struct Abi {
  std::string_view name;
  std::uint32_t token;  // libseccomp's
  std::uint32_t base;   // added to every number
};
constexpr Abi native{"", SCMP_ARCH_X86_64, 0}, x32{"x32", SCMP_ARCH_X32, x32_bit}, x86{"x86", SCMP_ARCH_X86, 0};

// The number less the ABI's base; negative where the ABI has no such call.
int number_of(std::string_view call, const Abi& abi) {
  const int number = seccomp_syscall_resolve_name_arch(abi.token, std::string(call).c_str());
  if (number >= 0) return number - static_cast<int>(abi.base);
  for (const Number& known : numbers)
    if (known.name == call) return abi.token == native.token ? known.native : known.x86;
  return none;
}

std::uint32_t return_value(plan::SyscallAction action, int code) {
  switch (action) {
    case plan::SyscallAction::allow: return SECCOMP_RET_ALLOW;
    case plan::SyscallAction::deny: return SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(code) & SECCOMP_RET_DATA);
    case plan::SyscallAction::log: return SECCOMP_RET_LOG;
    case plan::SyscallAction::kill: break;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

// Instructions are written from the last to the first: a jump goes forward only, so that its targets are there
// when it is written, and a verdict is one instruction that many jumps share.
class Writer {
 public:
  using Label = std::size_t;  // instructions that follow the one meant

  // Returns one of `value`; the nearest there is.
  Label give(std::uint32_t value) {
    for (auto& [known, label] : verdicts_)
      if (known == value) return distance(label) < reach ? label : label = put({BPF_RET | BPF_K, 0, 0, value});
    verdicts_.push_back({value, put({BPF_RET | BPF_K, 0, 0, value})});
    return verdicts_.back().second;
  }

  // These come before `next`, which must be what was written last, or are followed by a jump there.
  Label load(std::size_t offset, Label next) {
    return put({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)}, next);
  }
  Label mask(std::uint32_t bits, Label next) {
    return bits == UINT32_MAX ? next : put({BPF_ALU | BPF_AND | BPF_K, 0, 0, bits}, next);
  }

  Label branch(int compare, std::uint32_t value, Label yes, Label no) {
    yes = near(yes);
    no = near(no);
    return put({static_cast<std::uint16_t>(BPF_JMP | BPF_K | compare), static_cast<std::uint8_t>(distance(yes)),
                static_cast<std::uint8_t>(distance(no)), value});
  }

  Filter finish() && {
    std::ranges::reverse(code_);
    return std::move(code_);
  }

 private:
  static constexpr std::size_t reach = UINT8_MAX - 1;  // of a branch, less the jump that `near` may add

  std::size_t distance(Label label) const { return code_.size() - label - 1; }
  Label put(sock_filter instruction) {
    code_.push_back(instruction);
    return code_.size() - 1;
  }
  Label put(sock_filter instruction, Label next) {
    if (distance(next) != 0) jump(next);
    return put(instruction);
  }
  Label jump(Label to) { return put({BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(distance(to))}); }
  Label near(Label label) { return distance(label) < reach ? label : jump(label); }

  Filter code_;
  std::vector<std::pair<std::uint32_t, Label>> verdicts_;
};

using Label = Writer::Label;

Label write_half(Writer& out, const ArgumentCompare& compare, int shift, Label yes, Label no) {
  const std::size_t half = shift == 0 ? 0 : sizeof(std::uint32_t);
  const std::size_t offset = offsetof(seccomp_data, args) + compare.index * sizeof(std::uint64_t) + half;
  const Label test = out.branch(BPF_JEQ, static_cast<std::uint32_t>(compare.value >> shift), yes, no);
  return out.load(offset, out.mask(static_cast<std::uint32_t>(compare.mask >> shift), test));
}

Label write_compare(Writer& out, const ArgumentCompare& compare, Label yes, Label no) {
  if (compare.negate) std::swap(yes, no);
  const Label low = write_half(out, compare, 0, yes, no);
  const bool wide = compare.mask >> 32 != 0 || compare.value >> 32 != 0;
  return wide ? write_half(out, compare, 32, low, no) : low;
}

using Rules = std::span<const SyscallRule>;

Label write_rules(Writer& out, Rules rules, std::uint32_t otherwise) {
  Label next = out.give(otherwise);
  for (std::size_t i = rules.size(); i-- > 0;) {
    Label entry = out.give(return_value(rules[i].action, rules[i].code));
    for (std::size_t j = rules[i].compares.size(); j-- > 0;)
      entry = write_compare(out, rules[i].compares[j], entry, next);
    next = entry;
  }
  return next;
}

// Numbers from `first` up to the next range's have one verdict: a value, or the rules of one call.
struct Range {
  std::uint32_t first = 0, verdict = 0;
  Rules rules;
};

// Rules of one call stand together in the plan.
std::vector<Range> make_ranges(const plan::Seccomp& policy, const Abi& abi, std::uint32_t otherwise) {
  std::vector<Range> calls;
  calls.reserve(policy.rules.size());
  const Rules rules = policy.rules;
  for (std::size_t first = 0, last = 0; first < rules.size(); first = last) {
    while (last < rules.size() && rules[last].call == rules[first].call) ++last;
    const int number = number_of(rules[first].call, abi);
    if (number < 0) continue;
    const bool plain = rules[first].compares.empty();
    calls.push_back({static_cast<std::uint32_t>(number) + abi.base,
                     plain ? return_value(rules[first].action, rules[first].code) : 0,
                     plain ? Rules{} : rules.subspan(first, last - first)});
  }
  std::ranges::sort(calls, {}, &Range::first);
  std::vector<Range> ranges{{abi.base, otherwise, {}}};
  const auto add = [&](const Range& range) {
    if (ranges.back().first == range.first) ranges.pop_back();
    const bool same = !ranges.empty() && ranges.back().rules.empty() && range.rules.empty() &&
                      ranges.back().verdict == range.verdict;
    if (!same) ranges.push_back(range);
  };
  for (const Range& call : calls) {
    add(call);
    add({call.first + 1, otherwise, {}});
  }
  return ranges;
}

// The number is in the accumulator.
Label write_search(Writer& out, std::span<const Range> ranges, std::uint32_t otherwise) {
  if (ranges.size() == 1)
    return ranges[0].rules.empty() ? out.give(ranges[0].verdict) : write_rules(out, ranges[0].rules, otherwise);
  const std::size_t middle = ranges.size() / 2;
  const Label above = write_search(out, ranges.subspan(middle), otherwise);
  const Label below = write_search(out, ranges.first(middle), otherwise);
  return out.branch(BPF_JGE, ranges[middle].first, above, below);
}

Label write_abi(Writer& out, const plan::Seccomp& policy, const Abi& abi) {
  const std::uint32_t otherwise = return_value(policy.otherwise, policy.otherwise_code);
  return write_search(out, make_ranges(policy, abi, otherwise), otherwise);
}

// FNV-1a, but by words of 64 bits, whose high half comes down; texts and lists go in with their size.
struct Hash {
  std::uint64_t value = 0xcbf29ce484222325;

  void add(std::uint64_t part) {
    value = (value ^ part) * 0x9e3779b97f4a7c15;
    value ^= value >> 32;
  }
  void add(std::string_view part) {
    add(part.size());
    std::uint64_t word = 0;
    for (; part.size() >= sizeof word; part.remove_prefix(sizeof word)) {
      std::memcpy(&word, part.data(), sizeof word);
      add(word);
    }
    word = 0;
    for (const char c : part) word = word << 8 | static_cast<unsigned char>(c);
    add(word);
  }
};

}  // namespace

std::uint64_t filter_key(const plan::Seccomp& policy) {
  Hash hash;
  hash.add(static_cast<std::uint64_t>(policy.otherwise));
  hash.add(static_cast<std::uint64_t>(policy.otherwise_code));
  hash.add(policy.abis.size());
  for (const std::string& abi : policy.abis) hash.add(abi);
  for (const SyscallRule& rule : policy.rules) {
    hash.add(rule.call);
    hash.add(static_cast<std::uint64_t>(rule.action));
    hash.add(static_cast<std::uint64_t>(rule.code));
    hash.add(rule.compares.size());
    for (const ArgumentCompare& compare : rule.compares)
      for (const std::uint64_t part :
           {std::uint64_t{compare.index}, compare.mask, compare.value, std::uint64_t{compare.negate}})
        hash.add(part);
  }
  return hash.value;
}

Result<Filter> compile_filter(const plan::Seccomp& policy) {
  const auto lets_in = [&](const Abi& abi) { return std::ranges::find(policy.abis, abi.name) != policy.abis.end(); };
  constexpr std::size_t number = offsetof(seccomp_data, nr), arch = offsetof(seccomp_data, arch);
  Writer writer;
  const Label kill = writer.give(SECCOMP_RET_KILL_PROCESS);
  Label foreign = kill;
  if (lets_in(x86)) {
    const Label entry = writer.load(number, write_abi(writer, policy, x86));
    foreign = writer.branch(BPF_JEQ, AUDIT_ARCH_I386, entry, kill);
  }
  // -1 is what a tracer sets to skip a call: no call of any ABI.
  const Label skipped = writer.give(return_value(policy.otherwise, policy.otherwise_code));
  const Label x32_entry = lets_in(x32) ? write_abi(writer, policy, x32) : kill;
  const Label high = writer.branch(BPF_JEQ, UINT32_MAX, skipped, x32_entry);
  const Label low = write_abi(writer, policy, native);
  const Label entry = writer.load(number, writer.branch(BPF_JGE, x32_bit, high, low));
  writer.load(arch, writer.branch(BPF_JEQ, AUDIT_ARCH_X86_64, entry, foreign));
  const Filter out = std::move(writer).finish();
  if (out.size() > BPF_MAXINSNS)
    return fail_hint("name fewer calls, or groups", "seccomp filter has ", out.size(), " instructions, the kernel takes ",
                     static_cast<unsigned>(BPF_MAXINSNS));
  return out;
}

}  // namespace launch
