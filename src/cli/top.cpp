// `sbx top`: what stats shows, once a second, busiest first. Each picture is one write from the top left corner, every
// line cleared behind its end, so that nothing flickers; on the alternate screen, so that nothing is left of it.
#include "cli/report.h"
#include "cli/sandboxes.h"
#include "cli/usage.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <poll.h>

namespace cli {

namespace {

constexpr std::string_view begin_screen = "\033[?1049h\033[?25l", end_screen = "\033[?25h\033[?1049l";  // xterm's, and everybody's since
constexpr std::string_view clear_line = "\033[K", clear_rest = "\033[J", home = "\033[H";
constexpr std::chrono::seconds interval{1};
constexpr int input = 0, output = 1;

// "[####      ]"; full is beyond the end, too.
std::string bar(double share, std::size_t width) {
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width) + 0.5);
  return text("[", std::string(filled, '#'), std::string(width - filled, ' '), "]");
}

// "12.5%"
std::string percent(double share) {
  const auto tenths = static_cast<std::int64_t>(share * 1000 + 0.5);
  return text(tenths / 10, ".", tenths % 10, "%");
}

std::string right(std::string in, std::size_t width) { return in.size() < width ? std::string(width - in.size(), ' ') + in : in; }

std::string line_of(const Usage& usage, const Screen& screen, std::size_t width) {
  const double cpu = usage.cpu_share.value_or(0), cpus = usage.cpus_limit.value_or(screen.processors);
  const std::uint64_t memory = usage.counted.memory.value_or(0), most = std::min(usage.memory_limit.value_or(UINT64_MAX), screen.memory);
  std::string out = padded(usage.sandbox.name.substr(0, 16), 18);
  out += padded(supervise::status_names[usage.sandbox.record.status], 9);
  out += text(bar(cpu / cpus, width), right(usage.cpu_share ? percent(cpu) : "-", 8), "  ");
  out += bar(most == 0 ? 0 : static_cast<double>(memory) / static_cast<double>(most), width);
  out += right(usage.counted.memory ? rounded_size(memory) : "-", 8);
  return out + right(usage.counted.pids ? text(*usage.counted.pids) : "-", 7);
}

class Top {
 public:
  Result<> run();
  ~Top();

 private:
  Result<> begin();
  Result<> draw();
  Result<bool> is_over();  // asked to end; else it is time to look again
  std::string sandboxes_;
  sys::Fd signals_;
  std::optional<termios> before_;
  std::vector<Usage> last_;
  std::chrono::nanoseconds looked_{};
};

Result<> Top::begin() {
  if (!sys::is_terminal(input) || !sys::is_terminal(output)) return fail_hint("sbx stats prints the same once", "sbx top needs a terminal");
  sandboxes_ = TRY(supervise::sandboxes_directory(std::getenv("XDG_STATE_HOME"), std::getenv("HOME")));
  signals_ = TRY(sys::block_signals(std::array{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}));
  before_ = TRY(sys::terminal_settings(input));
  TRY(sys::set_terminal_settings(input, sys::raw_settings(*before_)));
  return sys::write_all(output, "the terminal", begin_screen);
}

// Whatever happened: when the terminal refuses, it is gone.
Top::~Top() {
  if (!before_) return;
  static_cast<void>(sys::write_all(output, "the terminal", end_screen).has_value());
  static_cast<void>(sys::set_terminal_settings(input, *before_).has_value());
}

Result<> Top::draw() {
  std::vector<Usage> now = TRY(read_usages(sandboxes_, {}));
  const std::chrono::nanoseconds moment = sys::monotonic_now();
  for (Usage& usage : now) {
    const auto before = std::ranges::find_if(last_, [&](const Usage& each) {
      return each.sandbox.name == usage.sandbox.name && each.sandbox.record.started == usage.sandbox.record.started;
    });
    if (before == last_.end() || moment <= looked_) continue;
    const std::chrono::duration<double> used = usage.counted.cpu - before->counted.cpu, passed = moment - looked_;
    usage.cpu_share = std::max(used / passed, 0.0);
  }
  std::ranges::stable_sort(now, std::greater{}, [](const Usage& usage) { return usage.cpu_share.value_or(0); });
  last_ = std::move(now), looked_ = moment;
  const winsize size = TRY(sys::window_size(output));
  const sys::Machine machine = sys::this_machine();
  return sys::write_all(output, "the terminal", draw_screen(last_, {.rows = size.ws_row, .columns = size.ws_col,
                                                                    .processors = machine.processors, .memory = machine.memory}));
}

Result<bool> Top::is_over() {
  std::array<sys::Watch, 2> watches{{{input, POLLIN}, {signals_.get(), POLLIN}}};
  TRY(sys::wait_for_events(watches, interval));
  if (watches[1].happened != 0)
    if (const int signal = TRY(sys::read_signal(signals_)); signal != 0) return signal != SIGWINCH;
  if (watches[0].happened == 0) return false;
  constexpr std::string_view ends{"qQ\3\4"};  // ^C and ^D are keys like others here
  const sys::Chunk keys = TRY(sys::read_available(input, 64));
  return keys.ended || keys.bytes.find_first_of(ends) != std::string::npos;
}

Result<> Top::run() {
  TRY(begin());
  bool over = false;
  while (!over) {
    TRY(draw());
    over = TRY(is_over());
  }
  return {};
}

}  // namespace

std::string draw_screen(const std::vector<Usage>& all, const Screen& screen) {
  constexpr std::size_t beside_bars = 18 + 9 + 2 + 8 + 2 + 2 + 8 + 7;
  const std::size_t width = screen.columns > beside_bars + 8 ? std::min<std::size_t>((screen.columns - beside_bars) / 2, 40) : 4;
  std::vector<std::string> lines{text("sbx: ", all.size(), all.size() == 1 ? " sandbox runs" : " sandboxes run", " - q quits"), ""};
  lines.push_back(padded("NAME", 18) + padded("STATUS", 9) + padded("CPU", width + 12) + padded("MEMORY", width + 10) + right("PIDS", 7));
  for (const Usage& usage : all) lines.push_back(line_of(usage, screen, width));
  std::string out(home);
  const std::size_t most = std::max(screen.rows, 1u);
  if (lines.size() > most) lines.resize(most);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += std::string_view(lines[i]).substr(0, screen.columns);
    out += clear_line;
    if (i + 1 < lines.size()) out += "\r\n";  // none behind the last row, where the screen would scroll
  }
  return out + std::string(clear_rest);
}

int top() {
  Result<> done;
  {
    Top top;
    done = top.run();
  }
  return done ? 0 : print_error(done.error());
}

}  // namespace cli
