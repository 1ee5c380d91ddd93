// Who waits for terminal input? /proc/PID/syscall says in which call a process sleeps (proc_pid_syscall(5));
// the launcher may ask that of its descendants (ptrace(2), access mode checks).
#include "supervise/tty.h"

#include "base/units.h"
#include "sys/file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sys/syscall.h>

namespace supervise {

namespace {

constexpr std::size_t most_bytes = 1 << 20;

Result<std::vector<pid_t>> children_of(pid_t parent) {
  std::vector<pid_t> out;
  const auto all = TRY(sys::read_file_if_exists(text("/proc/", parent, "/task/", parent, "/children"), most_bytes));
  for (const std::string& word : split(all ? *all : std::string(), ' '))
    if (const auto pid = parse_number(trim(word), INT32_MAX); pid && *pid > 0) out.push_back(static_cast<pid_t>(*pid));
  return out;
}

// read(fd) on a terminal, or a wait for many descriptors at once.
bool is_waiting_call(std::string_view line, pid_t pid) {
  const std::vector<std::string> words = split(line, ' ');
  const auto call = parse_number(words[0]);
  if (!call || words.size() < 2) return false;
  constexpr std::array<long, 7> many{SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2};
  if (std::ranges::find(many, static_cast<long>(*call)) != many.end()) return true;
  if (*call != SYS_read && *call != SYS_readv) return false;
  unsigned fd = 0;  // arguments are printed as 0x…
  const std::string_view digits = std::string_view(words[1]).substr(std::min<std::size_t>(2, words[1].size()));
  if (std::from_chars(digits.data(), digits.data() + digits.size(), fd, 16).ec != std::errc{}) return false;
  const auto target = sys::read_link(text("/proc/", pid, "/fd/", fd));
  return target && *target && (*target)->starts_with("/dev/pts/");
}

}  // namespace

Result<bool> somebody_waits_for_input(pid_t init) {
  std::vector<pid_t> pending = TRY(children_of(init));
  while (!pending.empty()) {
    const pid_t pid = pending.back();
    pending.pop_back();
    const auto line = sys::read_file_if_exists(text("/proc/", pid, "/syscall"), most_bytes);
    if (!line) return true;  // not told (Yama, LSM): better read too early than never
    if (*line && is_waiting_call(trim(**line), pid)) return true;
    for (const pid_t child : TRY(children_of(pid))) pending.push_back(child);
  }
  return false;
}

}  // namespace supervise
