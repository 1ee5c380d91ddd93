// Assembles the filter. libseccomp names the numbers; the program is our own, because libseccomp has no "not
// equal" under a mask (ioctl: all but TIOCSTI), lets an unconditional rule of a call swallow its conditional
// ones, and writes some 500 instructions where ranges need 200: what the kernel checks, translates and walks
// through for every number when a filter is installed.
//
//   arch? ─┬─ x86-64: number? ─ binary search over ranges of one verdict ─ verdict, or the call's compares
//          ├─ x32, x86: the same, where the policy lets them in
//          └─ else: kill
#include "launch/seccomp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <span>

namespace launch {
namespace {

using plan::ArgumentCompare;
using plan::SyscallRule;

constexpr std::uint32_t x32_bit = 0x40000000;

// Calls newer than libseccomp 2.5.4; since 5.1 a new call has one number everywhere, except these two.
struct NewCall {
  std::string_view name;
  int number;
  bool native_only = false;
};
constexpr auto new_calls = std::to_array<NewCall>({
    {"uretprobe", 335, true}, {"uprobe", 336, true},
    {"cachestat", 451},       {"fchmodat2", 452},       {"map_shadow_stack", 453},  {"futex_wake", 454},
    {"futex_wait", 455},      {"futex_requeue", 456},   {"statmount", 457},         {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},      {"getxattrat", 464},      {"listxattrat", 465},       {"removexattrat", 466},
    {"open_tree_attr", 467},  {"file_getattr", 468},    {"file_setattr", 469},
});

struct Abi {
  std::string_view name;
  std::uint32_t token;  // libseccomp's
  std::uint32_t base;   // added to every number
};
constexpr Abi native{"", SCMP_ARCH_X86_64, 0}, x32{"x32", SCMP_ARCH_X32, x32_bit}, x86{"x86", SCMP_ARCH_X86, 0};

// The number less the ABI's base, or -1.
int number_of(const std::string& call, const Abi& abi) {
  for (const NewCall& known : new_calls)
    if (known.name == call) return known.native_only && abi.token != native.token ? -1 : known.number;
  const int number = seccomp_syscall_resolve_name_arch(abi.token, call.c_str());
  return number < 0 ? -1 : number - static_cast<int>(abi.base);
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

sock_filter load(std::size_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
}
sock_filter give(std::uint32_t value) { return {BPF_RET | BPF_K, 0, 0, value}; }
sock_filter give(const SyscallRule& rule) { return give(return_value(rule.action, rule.code)); }
sock_filter jump(int kind, std::uint32_t value, std::size_t yes, std::size_t no) {
  return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | kind), static_cast<std::uint8_t>(yes),
          static_cast<std::uint8_t>(no), value};
}

// The compares of one rule, then its verdict. A compare that fails jumps over what is left of the rule: the
// code is written from the back, so that the distance is known.
void prepend_compare(Filter& rule, const ArgumentCompare& compare) {
  const std::size_t offset = offsetof(seccomp_data, args) + compare.index * sizeof(std::uint64_t);
  const auto half = [&](int shift) {
    Filter code{load(offset + (shift == 0 ? 0 : 4))};
    const auto mask = static_cast<std::uint32_t>(compare.mask >> shift);
    if (mask != UINT32_MAX) code.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, mask});
    return code;
  };
  const auto high = static_cast<std::uint32_t>(compare.value >> 32), low = static_cast<std::uint32_t>(compare.value);
  const std::size_t over = rule.size();  // from the last instruction of this compare to the rule's end
  Filter code = half(0);
  code.push_back(compare.negate ? jump(BPF_JEQ, low, over, 0) : jump(BPF_JEQ, low, 0, over));
  if (compare.mask >> 32 != 0 || high != 0) {
    Filter front = half(32);
    const std::size_t rest = code.size();
    front.push_back(compare.negate ? jump(BPF_JEQ, high, 0, rest) : jump(BPF_JEQ, high, 0, rest + over));
    code.insert(code.begin(), front.begin(), front.end());
  }
  rule.insert(rule.begin(), code.begin(), code.end());
}

using Rules = std::span<const SyscallRule>;

Filter compile_rules(Rules rules, std::uint32_t otherwise) {
  Filter out;
  for (const SyscallRule& rule : rules) {
    Filter code{give(rule)};
    for (std::size_t i = rule.compares.size(); i-- > 0;) prepend_compare(code, rule.compares[i]);
    out.insert(out.end(), code.begin(), code.end());
    if (rule.compares.empty()) return out;
  }
  out.push_back(give(otherwise));
  return out;
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

// The number is in the accumulator. A conditional jump reaches 255 instructions; beyond that it jumps to a jump.
void append_search(Filter& out, std::span<const Range> ranges, std::uint32_t otherwise) {
  if (ranges.size() == 1) {
    if (ranges[0].rules.empty()) return out.push_back(give(ranges[0].verdict));
    const Filter code = compile_rules(ranges[0].rules, otherwise);
    out.insert(out.end(), code.begin(), code.end());
    return;
  }
  const std::size_t middle = ranges.size() / 2;
  Filter below;
  append_search(below, ranges.first(middle), otherwise);
  const std::uint32_t from = ranges[middle].first;
  if (below.size() <= UINT8_MAX) {
    out.push_back(jump(BPF_JGE, from, below.size(), 0));
  } else {
    out.push_back(jump(BPF_JGE, from, 0, 1));
    out.push_back({BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(below.size())});
  }
  out.insert(out.end(), below.begin(), below.end());
  append_search(out, ranges.subspan(middle), otherwise);
}

// With or without what `ahead` holds to decide first, from a loaded number.
Filter compile_abi(const plan::Seccomp& policy, const Abi& abi) {
  const std::uint32_t otherwise = return_value(policy.otherwise, policy.otherwise_code);
  Filter out;
  append_search(out, make_ranges(policy, abi, otherwise), otherwise);
  return out;
}

void append(Filter& out, const Filter& part) { out.insert(out.end(), part.begin(), part.end()); }

// `body` runs when the accumulator is at least `from` (or equal to it); what follows it otherwise.
void append_if(Filter& out, int kind, std::uint32_t from, const Filter& body) {
  out.push_back(jump(kind, from, 1, 0));
  out.push_back({BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(body.size())});
  append(out, body);
}

}  // namespace

Result<Filter> compile_filter(const plan::Seccomp& policy) {
  const auto lets_in = [&](const Abi& abi) { return std::ranges::find(policy.abis, abi.name) != policy.abis.end(); };
  const sock_filter kill = give(SECCOMP_RET_KILL_PROCESS), number = load(offsetof(seccomp_data, nr));
  Filter high;  // numbers from x32_bit up
  // -1 is what a tracer sets to skip a call; it has no ABI, and is no call.
  append_if(high, BPF_JEQ, UINT32_MAX, {give(return_value(policy.otherwise, policy.otherwise_code))});
  if (lets_in(x32)) append(high, compile_abi(policy, x32));
  else high.push_back(kill);

  Filter wide{number};
  append_if(wide, BPF_JGE, x32_bit, high);
  append(wide, compile_abi(policy, native));

  Filter out{load(offsetof(seccomp_data, arch))};
  append_if(out, BPF_JEQ, AUDIT_ARCH_X86_64, wide);
  if (lets_in(x86)) {
    Filter narrow{number};
    append(narrow, compile_abi(policy, x86));
    append_if(out, BPF_JEQ, AUDIT_ARCH_I386, narrow);
  }
  out.push_back(kill);
  if (out.size() > BPF_MAXINSNS)
    return fail_hint("name fewer calls, or groups", "seccomp filter has ", out.size(), " instructions, the kernel takes ",
                     static_cast<unsigned>(BPF_MAXINSNS));
  return out;
}

}  // namespace launch
