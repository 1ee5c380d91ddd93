// Everything sbx says is printed here: errors with their hints, output, notes, and after the run the summary
// of --stats and the JSON of --report.
#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "store/changes.h"
#include "supervise/sandbox.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// "sbx: MESSAGE" and "hint: HINT" on standard error, escaped for a terminal. Returns the exit status.
int print_error(const Error& error);
void print_note(std::string_view note);  // "sbx: NOTE" on standard error; not under --quiet

void print_question(std::string_view question);  // on standard error, without a line end

// On standard output, verbatim. Returns the exit status: 125, with the error printed, when the text could not
// be written; a reader that went away (sbx --help | head -1) is no error.
int print_output(std::string_view output);

std::string describe_seconds(std::chrono::nanoseconds value);  // "1.20s"
std::string rounded_size(std::uint64_t bytes);                 // "12.3M", the largest unit below the value

// What is in force.
struct Active {
  std::vector<std::string> namespaces;
  std::string seccomp;                    // the policy's name; empty: none
  std::vector<std::string> capabilities;  // kept inside
  std::string network;                    // the mode
  std::string joined = {};                // whose network it is; empty: its own, or the host's
  int landlock = 0;                       // the ABI; 0: not used
  std::string overlay;                    // "kernel"; empty: none
  bool nested_userns = false;             // opened
  std::string cgroup;                     // "delegated", "scope" or "none"
};

// What the network was used for; of mode user.
struct RuleLine {
  supervise::RuleUse use;
  std::string verdict, origin;  // empty of a built-in one
};
struct NetworkReport {
  std::string mode;
  std::optional<supervise::NetworkUse> use;
  std::vector<RuleLine> rules;
};
std::string describe_blocked(const supervise::Blocked& blocked);  // "network: tcp to x.example port 443 is denied: …"

// A field without a value is left out of the JSON.
struct RunReport {
  std::string name;
  std::vector<std::string> profiles, command;
  std::string workdir;
  std::chrono::system_clock::time_point started{};
  supervise::Reason reason = supervise::Reason::exited;
  int code = 0;       // what sbx exits with
  int signal = 0;     // that ended the command; 0: none
  std::string error;  // why, of reason setup and mask
  std::optional<std::chrono::nanoseconds> wall, cpu_user, cpu_system;
  std::optional<std::uint64_t> peak_bytes;
  std::optional<Active> active;  // none: the launch did not come so far
  std::optional<NetworkReport> network;
  std::optional<supervise::CgroupUsage> cgroup;
  std::optional<store::Counts> changes;  // of a kept overlay
  std::vector<std::string> degraded;
};

std::string describe_stats(const RunReport& report);  // lines for standard error
void print_stats(const RunReport& report);

// Before the launch: can the report be written there at all?
Result<> check_report_target(const ReportTarget& target);
// A file is replaced in one step; what is not a regular file (/dev/stderr, a pipe) is written to.
Result<> write_report(const RunReport& report, const ReportTarget& target);

}  // namespace cli
