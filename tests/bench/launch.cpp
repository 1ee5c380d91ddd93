// launch SBX [PAIRS]: what a launch costs, side by side with bubblewrap and unshare in one run, interleaved so
// that all meet the same machine. U is one `unshare -Urmpfinu --mount-proc /bin/true`. Once with /bin/true and once with
// the program `nothing` beside this one, which is all but the launcher's own time. It only prints: a slow machine fails
// nothing. Limits need a control group that is delegated (tests/setup/with_cgroup.sh).
// launch --memory SBX: the memory of an idle sandbox's own processes, which only root may read; the sandbox
// itself runs as $SBX_TEST_ACCOUNT.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <signal.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

const Words bwrap{"bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-all"};

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(part * static_cast<double>(values.size() - 1)));
}
double median(const std::vector<double>& values) { return quantile(values, 0.5); }

pid_t spawn(const Words& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  if (::posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&files);
  return pid;
}

bool finished_well(pid_t pid) {
  int status = 1;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

struct Contender {
  std::string name;
  Words words;
  std::vector<double> times = {};
  bool works = true;
};

void measure(std::vector<Contender>& contenders, int pairs) {
  for (int round = -5; round < pairs; ++round) {  // the first five warm the caches
    for (Contender& contender : contenders) {
      if (!contender.works) continue;
      const auto start = Clock::now();
      contender.works = finished_well(spawn(contender.words));
      if (round >= 0) contender.times.push_back(seconds_since(start) * 1e3);
    }
  }
}

double median_of(const std::vector<Contender>& contenders, const std::string& name) {
  for (const Contender& contender : contenders)
    if (contender.name == name && contender.works) return median(contender.times);
  return 0;
}

void print_ratio(double value, double to) {
  if (to > 0) std::printf("%10.2f", value / to);
  else std::printf("%10s", "-");
}

void print_times(const std::vector<Contender>& contenders) {
  std::printf("%-32s%10s%10s%10s%10s\n", "", "median ms", "p90 ms", "x bwrap", "x U");
  for (const Contender& contender : contenders) {
    std::printf("%-32s", contender.name.c_str());
    if (!contender.works) {
      std::printf("  did not exit with 0\n");
      continue;
    }
    const double mine = median(contender.times);
    std::printf("%10.2f%10.2f", mine, quantile(contender.times, 0.9));
    print_ratio(mine, median_of(contenders, contender.name.ends_with(", nothing") ? "bwrap, nothing" : "bwrap"));
    print_ratio(mine, median_of(contenders, "unshare (U)"));
    std::printf("\n");
  }
}

// Launches per second with eight at a time; 0 when one fails.
double rate(const Words& words, int launches) {
  const auto start = Clock::now();
  int running = 0, failed = 0;
  for (int started = 0; started < launches || running > 0;) {
    if (started < launches && running < 8) {
      ++started;
      if (spawn(words) > 0) ++running;
      else ++failed;
      continue;
    }
    int status = 1;
    if (::wait(&status) > 0) --running;
    if (status != 0) ++failed;
  }
  return failed != 0 ? 0 : launches / seconds_since(start);
}

void measure_rates(const Words& sbx) {
  std::map<std::string, std::vector<double>> rates;
  for (int round = 0; round < 5; ++round) {
    rates["sbx"].push_back(rate(sbx + Words{"/bin/true"}, 200));
    rates["bwrap"].push_back(rate(bwrap + Words{"/bin/true"}, 200));
  }
  const double ours = median(rates["sbx"]), theirs = median(rates["bwrap"]);
  std::printf("\n200 launches, 8 at a time, median of 5 rounds\n");
  std::printf("%-32s%10.0f per second\n%-32s%10.0f per second\n%-32s", "sbx", ours, "bwrap", theirs, "ratio");
  print_ratio(ours, theirs);
  std::printf("\n");
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string id = std::to_string(pid);
  std::ifstream in("/proc/" + id + "/task/" + id + "/children");
  std::vector<pid_t> found;
  for (pid_t child = 0; in >> child;) found.push_back(child);
  return found;
}

// In KiB; 0 when it cannot be read.
long pss(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("Pss:")) return std::atol(line.c_str() + 4);
  return 0;
}

// The launcher and pid 1 of a sandbox that runs `probe`-like sleep; the payload itself is not counted.
void print_memory(const std::string& name, const Words& words) {
  const pid_t launcher = spawn(words + Words{"sleep", "60"});
  ::usleep(1'500'000);  // sbx shrinks after half a second without an event
  const auto inits = children_of(launcher);
  long total = pss(launcher);
  const bool readable = total > 0 && !inits.empty();
  for (const pid_t init : inits) total += pss(init);
  if (readable) std::printf("%-32s%10.2f MiB PSS, launcher and init\n", name.c_str(), static_cast<double>(total) / 1024);
  else std::printf("%-32s  not readable\n", name.c_str());
  for (const pid_t init : inits)
    for (const pid_t inner : children_of(init)) ::kill(inner, SIGKILL);
  ::waitpid(launcher, nullptr, 0);
}

int measure_memory(const Words& sbx) {
  const char* account = std::getenv("SBX_TEST_ACCOUNT");
  Words as_account;
  if (account != nullptr) as_account = {"setpriv", "--reuid", account, "--regid", account, "--init-groups", "--reset-env"};
  std::printf("\nidle sandbox\n");
  print_memory("sbx", as_account + sbx);
  print_memory("bwrap", as_account + bwrap);
  return 0;
}

}  // namespace

// A sandbox for the commands of `exec`, in a state directory of its own.
class Running {
 public:
  Running(const std::string& program, const Words& options) : program_(program) {
    if (::mkdtemp(directory_) != nullptr) ::setenv("XDG_STATE_HOME", directory_, 1);
    works_ = finished_well(spawn(Words{program_} + options + Words{"-d", "--name", "bench", "--", "sleep", "100000"}));
  }
  ~Running() {
    if (works_ && !finished_well(spawn({program_, "rm", "--force", "bench"}))) std::fprintf(stderr, "the sandbox bench is left\n");
    if (std::system((std::string("rm -r ") + directory_).c_str()) != 0) std::fprintf(stderr, "%s is left\n", directory_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::string program_;
  char directory_[32] = "/tmp/sbx-bench-XXXXXX";
  bool works_ = false;
};

int main(int argc, char** argv) {
  const bool memory = argc > 2 && std::strcmp(argv[1], "--memory") == 0;
  if (argc < 2) return std::fprintf(stderr, "usage: launch [--memory] SBX [PAIRS]\n"), 64;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string program = argv[memory ? 2 : 1];
  const Words sbx{program, "--profile", "base", "--"};
  if (memory) return measure_memory(sbx);
  std::error_code none;
  const std::string nothing = std::filesystem::canonical("/proc/self/exe", none).parent_path() / "nothing";
  const Words shown{"--profile", "base", "--ro", nothing + ":/nothing"};
  const Running running(program, shown);
  const int pairs = std::max(argc > 2 ? std::atoi(argv[2]) : 300, 1);
  const Words limits{"-m", "512M", "--cpus", "1.5", "--pids-limit", "200"};
  std::vector<Contender> contenders{
      {"/bin/true", {"/bin/true"}},
      {"sbx --profile base", sbx + Words{"/bin/true"}},
      {"sbx with limits", Words{program, "--profile", "base"} + limits + Words{"--", "/bin/true"}},
      {"sbx exec", {program, "exec", "bench", "--", "/bin/true"}},
      {"bwrap", bwrap + Words{"/bin/true"}},
      {"unshare (U)", {"unshare", "-Urmpfinu", "--mount-proc", "/bin/true"}},
      {"sbx --dry-run (plan only)", {program, "--dry-run", "--profile", "base", "--", "/bin/true"}},
      {"nothing", {nothing}},
      {"sbx --profile base, nothing", Words{program} + shown + Words{"--", "/nothing"}},
      {"sbx exec, nothing", {program, "exec", "bench", "--", "/nothing"}},
      {"bwrap, nothing", bwrap + Words{nothing}},
  };
  std::printf("launch, %d interleaved rounds, whole process\n", pairs);
  measure(contenders, pairs);
  print_times(contenders);
  for (const std::string payload : {"", ", nothing"}) {
    std::printf("%-32s", ("sbx exec, of a launch" + payload).c_str());
    print_ratio(median_of(contenders, "sbx exec" + payload), median_of(contenders, "sbx --profile base" + payload));
    std::printf("\n");
  }
  measure_rates(sbx);
}
