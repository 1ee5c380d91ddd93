// The one place that prints.
#include "cli/report.h"

#include "base/path.h"
#include "base/units.h"
#include "cli/json.h"
#include "sys/file.h"
#include "sys/process.h"

#include <fcntl.h>
#include <system_error>

namespace cli {
namespace {

constexpr int standard_output = 1, standard_error = 2;

// There is nobody left to tell when standard error cannot be written.
void print_on_error(std::string_view lines) {
  const auto done = sys::write_all(standard_error, "standard error", lines);
  static_cast<void>(done.has_value());
}

std::string describe_end(const RunReport& report) {
  using supervise::Reason;
  switch (report.reason) {
    case Reason::exited: return text("exited with ", report.code);
    case Reason::signaled: return text("killed by ", sys::signal_name(report.signal));
    case Reason::timeout: return "ended by the timeout";
    case Reason::oom: return "killed for want of memory";
    case Reason::engine:
    case Reason::joined:
    case Reason::mask: return text("ended: ", report.error);
    case Reason::setup: return text("not started: ", report.error);
    case Reason::count_: break;
  }
  std::unreachable();
}

std::string describe_active(const Active& active) {
  std::string out = text("namespaces ", join(active.namespaces, " "));
  out += text("; network ", active.network, active.joined.empty() ? "" : text(" with ", active.joined));
  if (!active.seccomp.empty()) out += text("; seccomp ", active.seccomp);
  if (active.landlock != 0) out += text("; landlock ", active.landlock);
  out += active.capabilities.empty() ? "; no capabilities" : text("; capabilities ", join(active.capabilities, " "));
  if (active.cgroup != "none") out += text("; cgroup ", active.cgroup);
  if (active.nested_userns) out += "; nested user namespaces open";
  return out;
}

std::string describe_cgroup(const supervise::CgroupUsage& usage) {
  std::string out = "sbx: cgroup";
  if (usage.pids_peak) out += text(" ", *usage.pids_peak, " processes at most", *usage.pids_refused > 0 ? text(", ", *usage.pids_refused, " refused;") : ";");
  if (usage.throttled) out += text(" throttled ", describe_seconds(*usage.throttled), ";");
  if (usage.io_read) out += text(" read ", rounded_size(*usage.io_read), ", written ", rounded_size(*usage.io_written), ";");
  out += " waited";
  for (const auto& [name, pressure] : {std::pair("cpu", &usage.cpu_pressure), {"memory", &usage.memory_pressure}, {"io", &usage.io_pressure}})
    if (*pressure) out += text(" ", name, " ", describe_seconds((*pressure)->some));
  return out + "\n";
}

std::string describe_network(const NetworkReport& network) {
  if (!network.use) return {};
  std::string out;
  if (const auto& totals = network.use->totals)
    out += text("sbx: network ", rounded_size(totals->tx_bytes), " sent, ", rounded_size(totals->rx_bytes), " received, ",
                totals->tcp_flows + totals->udp_flows + totals->icmp_flows, " flows, ", totals->denied, " denied\n");
  else out += "sbx: network: the engine ended without its counts\n";
  for (const RuleLine& each : network.rules)
    if (each.use.flows > 0)
      out += text("sbx:   ", each.verdict, each.verdict.empty() ? "" : " ", printable(each.use.rule), ": ", each.use.flows, " flows, ",
                  rounded_size(each.use.bytes), "\n");
  return out;
}

// Where the report goes: through symbolic links, so that a link is not replaced by a file.
Result<std::string> resolve_target(const std::string& file) {
  const auto link = TRY(sys::stat_path(file, false));
  if (!link || link->kind != sys::FileKind::symlink) return file;
  return sys::real_path(file);
}

}  // namespace

std::string describe_seconds(std::chrono::nanoseconds value) {
  const auto hundredths = value.count() / 10'000'000;
  const auto part = hundredths % 100;
  return text(hundredths / 100, ".", part < 10 ? "0" : "", part, "s");
}

std::string rounded_size(std::uint64_t bytes) {
  constexpr std::string_view letters = "KMGT";
  if (bytes < 1024) return text(bytes);
  std::size_t unit = 0;
  std::uint64_t tenths = bytes * 10 / 1024;
  for (; tenths >= 10240 && unit + 1 < letters.size(); ++unit) tenths /= 1024;
  return text(tenths / 10, ".", tenths % 10, letters[unit]);
}

int print_error(const Error& error) {
  std::string lines = text("sbx: ", printable(error.message), "\n");
  for (const std::string& line : split(error.hint, '\n'))
    if (!line.empty()) lines += text("hint: ", printable(line), "\n");
  print_on_error(lines);
  return error.status;
}

void print_note(std::string_view note) { print_on_error(text("sbx: ", printable(note), "\n")); }

void print_question(std::string_view question) { print_on_error(text("sbx: ", printable(question))); }

int print_output(std::string_view output) {
  const auto done = sys::write_all(standard_output, "standard output", output);
  if (done || done.error().code == static_cast<int>(std::errc::broken_pipe)) return 0;
  return print_error(done.error());
}

std::string describe_blocked(const supervise::Blocked& blocked) {
  const bool resolved = blocked.target.address != net::Address{};
  std::string target = blocked.host;
  if (resolved) target += blocked.host.empty() ? net::to_text(blocked.target.address) : text(" (", net::to_text(blocked.target.address), ")");
  if (blocked.target.port != 0) target += text(" port ", blocked.target.port);
  const std::string why = blocked.rule == "default" ? "no rule allows it" : text("by ", blocked.rule);
  if (!resolved) return text("network: the name ", target, " is denied: ", why);
  return text("network: ", net::protocol_names[blocked.protocol], " to ", target, " is denied: ", why);
}

std::string describe_stats(const RunReport& report) {
  std::string out = text("sbx: ", printable(describe_end(report)));
  if (report.wall) out += text(" after ", describe_seconds(*report.wall));
  if (report.cpu_user && report.cpu_system)
    out += text("; cpu ", describe_seconds(*report.cpu_user), " user, ", describe_seconds(*report.cpu_system), " system");
  if (report.peak_bytes) out += text("; peak memory ", rounded_size(*report.peak_bytes));
  out += "\n";
  if (!report.profiles.empty()) out += text("sbx: profiles ", printable(join(report.profiles, " ")), "\n");
  if (report.active) out += text("sbx: ", printable(describe_active(*report.active)), "\n");
  if (report.cgroup) out += describe_cgroup(*report.cgroup);
  if (report.network) out += describe_network(*report.network);
  if (!report.degraded.empty()) out += text("sbx: degraded: ", printable(join(report.degraded, ", ")), "\n");
  return out;
}

void print_stats(const RunReport& report) { print_on_error(describe_stats(report)); }

Result<> check_report_target(const ReportTarget& target) {
  if (target.file.empty()) {
    const auto open = sys::stat_fd(target.descriptor, text("descriptor ", target.descriptor));
    if (open) return {};
    return fail_hint(text("open it: sbx --report fd:", target.descriptor, " ... ", target.descriptor, ">FILE"),
                     "--report: descriptor ", target.descriptor, " is not open");
  }
  const std::string directory = target.file.contains('/') ? path::parent(target.file) : ".";
  const auto found = TRY(sys::stat_path(directory));
  if (found && found->kind == sys::FileKind::directory) return {};
  return fail_hint(text("make the directory '", printable(directory), "' first"), "--report: no directory for '",
                   printable(target.file), "'");
}

Result<> write_report(const RunReport& report, const ReportTarget& target) {
  const std::string json = report_json(report);
  if (target.file.empty()) return sys::write_all(target.descriptor, text("descriptor ", target.descriptor), json);
  const std::string file = TRY(resolve_target(target.file));
  const auto found = TRY(sys::stat_path(file));
  if (!found || found->kind == sys::FileKind::file) return sys::write_file_atomically(file, json, 0644);
  const sys::Fd fd = TRY(sys::open_file(file, O_WRONLY));
  return sys::write_all(fd.get(), file, json);
}

}  // namespace cli
