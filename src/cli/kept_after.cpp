// The launcher counts in a process of its own where it must be root of a user namespace; the verbs that it ends with
// may take that for themselves.
#include "cli/kept_after.h"

#include "base/units.h"
#include "cli/kept.h"
#include "cli/report.h"
#include "launch/trial.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/sched.h>
#include <poll.h>

namespace cli {

namespace {

using store::Counts;

Result<Counts> count_all(const std::vector<store::Overlay>& overlays) {
  Counts sum;
  for (const store::Overlay& each : overlays) sum += store::count_changes(TRY(store::find_changes(each)));
  return sum;
}

Result<Counts> count_as_root(const std::vector<store::Overlay>& overlays) {
  const plan::Identity identity = TRY(identity_that_reaches_all(overlays));
  const launch::Attempt counted = launch::try_stage(CLONE_NEWUSER, &identity, [&]() -> Result<std::string> {
    const Counts counts = TRY(count_all(overlays));
    return text(counts.added, " ", counts.modified, " ", counts.deleted);
  });
  if (!counted.worked()) return std::unexpected<Error>(counted.error);
  std::array<std::uint64_t, 3> numbers{};
  const std::vector<std::string> words = split(counted.found, ' ');
  for (std::size_t i = 0; i < std::min(words.size(), numbers.size()); ++i) numbers[i] = TRY(parse_number(words[i]));
  return Counts{.added = numbers[0], .modified = numbers[1], .deleted = numbers[2]};
}

enum class Answer { show, commit, keep, discard, none };

Answer answer_of(std::string_view line) {
  constexpr std::array words{std::pair("show", Answer::show), std::pair("commit", Answer::commit), std::pair("keep", Answer::keep),
                             std::pair("discard", Answer::discard)};
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  for (const auto& [word, answer] : words)
    if (!line.empty() && std::string_view(word).starts_with(line)) return answer;
  return Answer::none;
}

// What was typed for the command and not read by it is no answer. The end of the input is: keep.
Result<Answer> read_answer() {
  TRY(sys::wait_for_event(0, POLLIN, std::chrono::milliseconds(-1)));
  const sys::Chunk chunk = TRY(sys::read_available(0, 4096));
  return chunk.ended ? Answer::keep : answer_of(chunk.bytes);
}

int run_verb(int (*verb)(const Options&), const std::string& name) {
  Options options;
  options.operands = {name};
  return verb(options);
}

Result<int> ask(const std::string& name, const Counts& counts) {
  TRY(sys::drop_unread_input(0));
  while (true) {
    print_question(text(describe_counts(counts), " in '", name, "': show, commit, keep or discard? "));
    switch (TRY(read_answer())) {
      case Answer::show: run_verb(diff, name); break;
      case Answer::commit: return run_verb(commit, name);
      case Answer::discard: return run_verb(discard, name);
      case Answer::keep: return 0;
      case Answer::none: break;
    }
  }
}

Result<int> act(plan::OnExit on_exit, const std::string& name, const Counts& counts) {
  // ^C ends what comes now. The sandbox is gone: there is nothing to be kept from others any more.
  TRY(sys::unblock_all_signals());
  TRY(sys::set_dumpable(true));
  switch (on_exit) {
    case plan::OnExit::ask: return ask(name, counts);
    case plan::OnExit::commit: return run_verb(commit, name);
    case plan::OnExit::discard: return run_verb(discard, name);
    default: return 0;
  }
}

}  // namespace

Result<Counts> count_changes(const supervise::State& state) {
  const std::vector<store::Overlay> overlays = TRY(store::open_overlays(state.directory, state.place));
  auto counts = count_all(overlays);
  const bool closed = !counts && (counts.error().code == EACCES || counts.error().code == EPERM);
  return closed ? count_as_root(overlays) : std::move(counts);
}

std::string describe_counts(const Counts& counts) {
  std::vector<std::string> parts;
  for (const auto& [number, word] : {std::pair(counts.added, "added"), {counts.modified, "modified"}, {counts.deleted, "deleted"}})
    if (number > 0) parts.push_back(text(number, " ", word));
  return text(counts.total(), counts.total() == 1 ? " path" : " paths", " changed", parts.empty() ? "" : text(" (", join(parts, ", "), ")"));
}

int act_on_exit(plan::OnExit on_exit, const std::string& name, const Counts& counts, int status) {
  const Result<int> done = act(on_exit, name, counts);
  const int code = done ? *done : print_error(done.error());
  return status != 0 ? status : code;
}

}  // namespace cli
