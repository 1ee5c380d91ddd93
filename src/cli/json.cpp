// Objects keep the order in which their fields are written here.
#include "cli/json.h"

#include "sys/process.h"

#include <array>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

// RFC 8259 lets U+007F…U+009F stand as they are, and a terminal acts on them.
std::string dumped(const Json& json) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::string plain = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  std::string out;
  out.reserve(plain.size());
  for (std::size_t at = 0; at < plain.size(); ++at) {
    auto byte = static_cast<unsigned char>(plain[at]);
    const bool two = byte == 0xC2 && static_cast<unsigned char>(plain[at + 1]) < 0xA0;  // it is valid UTF-8
    if (two) byte = static_cast<unsigned char>(plain[++at]);
    if (two || byte == 0x7F) out += text("\\u00", digits[byte >> 4], digits[byte & 15]);
    else out += plain[at];
  }
  return out;
}

template <class Value>
void put(Json& json, const char* name, const Value& value) {
  if (!value.empty()) json[name] = value;
}

double in_seconds(std::chrono::nanoseconds value) {
  return static_cast<double>(std::chrono::floor<std::chrono::microseconds>(value).count()) / 1e6;
}

Json active_json(const Active& active) {
  Json json = {{"namespaces", active.namespaces}};
  put(json, "seccomp", active.seccomp);
  json["capabilities"] = active.capabilities;
  put(json, "network", active.network);
  put(json, "joined", active.joined);
  if (active.landlock != 0) json["landlock"] = active.landlock;
  put(json, "overlay", active.overlay);
  json["cgroup"] = active.cgroup;
  if (active.nested_userns) json["nested_userns"] = true;
  return json;
}

Json blocked_json(const supervise::Blocked& blocked) {
  Json json = Json::object();
  put(json, "host", blocked.host);
  if (blocked.target.address != net::Address{}) json["address"] = net::to_text(blocked.target.address);
  if (blocked.target.port != 0) json["port"] = blocked.target.port;
  json["protocol"] = net::protocol_names[blocked.protocol];
  json["rule"] = blocked.rule;
  json["count"] = blocked.count;
  return json;
}

Json rule_json(const RuleLine& each) {
  Json json = {{"rule", each.use.rule}};
  put(json, "verdict", each.verdict);
  put(json, "origin", each.origin);
  json["flows"] = each.use.flows, json["packets"] = each.use.packets, json["bytes"] = each.use.bytes;
  return json;
}

Json network_json(const NetworkReport& network) {
  Json json = {{"mode", network.mode}};
  if (!network.use) return json;
  if (const auto& totals = network.use->totals) {
    json["tx_bytes"] = totals->tx_bytes, json["rx_bytes"] = totals->rx_bytes;
    json["tx_packets"] = totals->tx_packets, json["rx_packets"] = totals->rx_packets;
    json["flows"] = totals->tcp_flows + totals->udp_flows + totals->icmp_flows;
    json["denied"] = totals->denied, json["refused"] = totals->refused, json["malformed"] = totals->malformed;
  }
  json["rules"] = Json::array();
  for (const RuleLine& each : network.rules) json["rules"].push_back(rule_json(each));
  json["blocked"] = Json::array();
  for (const supervise::Blocked& each : network.use->blocked) json["blocked"].push_back(blocked_json(each));
  if (network.use->not_listed > 0) json["blocked_not_listed"] = network.use->not_listed;
  return json;
}

template <class Value>
void put_some(Json& json, const char* name, const std::optional<Value>& value) {
  if (value) json[name] = *value;
}

Json pressure_json(const supervise::CgroupUsage& usage) {
  Json json = Json::object();
  for (const auto& [name, pressure] : {std::pair("cpu", &usage.cpu_pressure), {"memory", &usage.memory_pressure}, {"io", &usage.io_pressure}})
    if (*pressure) json[name] = {{"some_s", in_seconds((*pressure)->some)}, {"full_s", in_seconds((*pressure)->full)}};
  return json;
}

// Into what is there by now, of processor time and memory.
void put_cgroup(Json& json, const supervise::CgroupUsage& usage) {
  if (usage.throttled) json["cpu"]["throttled_s"] = in_seconds(*usage.throttled);
  put_some(json["cpu"], "throttled_periods", usage.throttled_periods);
  put_some(json["memory"], "oom_kills", usage.oom_kills);
  if (usage.pids_peak) json["pids"] = {{"peak", *usage.pids_peak}};
  if (usage.pids_refused) json["pids"]["refused"] = *usage.pids_refused;
  if (usage.io_read && usage.io_written) json["io"] = {{"read_bytes", *usage.io_read}, {"write_bytes", *usage.io_written}};
  put(json, "pressure", pressure_json(usage));
}

Json exit_json(const RunReport& report) {
  Json json = {{"code", report.code}, {"signal", nullptr}, {"reason", supervise::reason_names[report.reason]}};
  if (report.signal != 0) json["signal"] = sys::signal_name(report.signal);
  put(json, "error", report.error);
  return json;
}

std::string time_text(std::int64_t microseconds) {
  return utc_time(std::chrono::system_clock::time_point(std::chrono::microseconds(microseconds)));
}

Json found_json(const supervise::Found& found) {
  const supervise::Record& record = found.record;
  Json json = {{"name", found.name}, {"status", supervise::status_names[record.status]}};
  put(json, "command", record.command);
  put(json, "profile", record.profiles);
  put(json, "workdir", record.workdir);
  json["detached"] = record.detached;
  if (record.started != 0) json["started"] = time_text(record.started);
  if (record.ended != 0) json["ended"] = time_text(record.ended);
  put(json, "joined", record.joined);
  put(json, "cgroup", record.cgroup);
  if (found.alive) json["launcher"] = found.launcher, json["init"] = record.init;
  if (record.status == supervise::Status::ended) json["exit"] = {{"code", record.code}, {"reason", record.reason}};
  return json;
}

std::string two_digits(unsigned value) { return text(value < 10 ? "0" : "", value); }

}  // namespace

std::string report_json(const RunReport& report) {
  Json json = {{"version", 1}};
  put(json, "name", report.name);
  put(json, "profile", report.profiles);
  put(json, "command", report.command);
  put(json, "workdir", report.workdir);
  json["started"] = utc_time(report.started);
  json["exit"] = exit_json(report);
  if (report.wall) json["wall_s"] = in_seconds(*report.wall);
  if (report.cpu_user && report.cpu_system)
    json["cpu"] = {{"user_s", in_seconds(*report.cpu_user)}, {"system_s", in_seconds(*report.cpu_system)}};
  if (report.peak_bytes) json["memory"] = {{"peak_bytes", *report.peak_bytes}};
  if (report.cgroup) put_cgroup(json, *report.cgroup);
  if (report.network) json["network"] = network_json(*report.network);
  if (report.changes) json["changes"] = {{"added", report.changes->added}, {"modified", report.changes->modified}, {"deleted", report.changes->deleted}};
  if (report.active) json["active"] = active_json(*report.active);
  json["degraded"] = report.degraded;
  return dumped(json);
}

std::string plan_json(const plan::Plan& plan) {
  Json steps = Json::array();
  for (const plan::Line& line : plan::describe(plan)) {
    Json step;
    put(step, "topic", line.topic);
    put(step, "kind", line.kind);
    put(step, "object", line.object);
    put(step, "detail", line.detail);
    steps.push_back(std::move(step));
  }
  return dumped({{"version", 1}, {"profile", plan.profiles}, {"steps", std::move(steps)}, {"command", plan.command.argv}});
}

std::string diagnosis_json(const Diagnosis& diagnosis) {
  Json checks = Json::array();
  for (const Check& check : diagnosis.checks) {
    Json entry = {{"name", check.name}, {"status", status_names[check.status]}, {"found", check.found}};
    put(entry, "why", check.why);
    put(entry, "lost", check.lost);
    put(entry, "fix", check.fix);
    checks.push_back(std::move(entry));
  }
  return dumped({{"version", 1}, {"works", diagnosis.works}, {"summary", diagnosis.summary}, {"checks", std::move(checks)}});
}

std::string sandboxes_json(const std::vector<supervise::Found>& all) {
  Json list = Json::array();
  for (const supervise::Found& found : all) list.push_back(found_json(found));
  return dumped(list);
}

std::string usages_json(const std::vector<Usage>& all) {
  Json list = Json::array();
  const auto put_number = [](Json& json, const char* name, const std::optional<std::uint64_t>& value) {
    if (value) json[name] = *value;
  };
  for (const Usage& usage : all) {
    Json json = {{"name", usage.sandbox.name}, {"status", supervise::status_names[usage.sandbox.record.status]},
                 {"cpu_s", in_seconds(usage.counted.cpu)}};
    put_number(json, "memory_bytes", usage.counted.memory);
    put_number(json, "memory_limit_bytes", usage.memory_limit);
    put_number(json, "memory_peak_bytes", usage.counted.memory_peak);
    put_number(json, "pids", usage.counted.pids);
    put_number(json, "pids_limit", usage.pids_limit);
    put_number(json, "read_bytes", usage.counted.io_read);
    put_number(json, "written_bytes", usage.counted.io_written);
    list.push_back(std::move(json));
  }
  return dumped(list);
}

std::string sandbox_json(const supervise::Found& found, std::string_view report) {
  std::string out = dumped(found_json(found));
  if (!report.starts_with('{')) return out;
  out.resize(out.size() - 3);  // "\n}\n"
  out += ",\n  \"report\": ";
  for (const char c : trim(report)) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out + "\n}\n";
}

namespace {

Json entry_json(const sys::Entry& entry) {
  constexpr std::array<const char*, 7> types{"file", "directory", "symlink", "fifo", "socket", "character", "block"};
  return {{"type", types[static_cast<std::size_t>(entry.type)]}, {"mode", octal(entry.mode)}, {"size", entry.size}};
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) out += digits[static_cast<unsigned char>(c) >> 4], out += digits[static_cast<unsigned char>(c) & 15];
  return out;
}

Json change_json(const ShownChange& shown) {
  const store::Change& change = shown.change;
  const bool plain = is_utf8(change.path);
  Json json = {{"path", plain ? change.path : printable(change.path)}};
  if (!plain) json["path_hex"] = hex(change.path);
  json["directory"] = shown.directory;
  json["kind"] = store::change_names[change.kind];
  if (change.before) json["old"] = entry_json(*change.before);
  if (change.after) json["new"] = entry_json(*change.after);
  if (change.owner) json["owner_changed"] = true;
  if (change.attributes) json["attributes_changed"] = true;
  if (change.privileged) json["privileged"] = true;
  put(json, "acts_later", shown.acts_later);
  put(json, "refused", change.refused);
  return json;
}

}  // namespace

std::string changes_json(const std::vector<ShownChange>& all) {
  Json json = Json::array();
  for (const ShownChange& each : all) json.push_back(change_json(each));
  return dumped(json);
}

std::string utc_time(std::chrono::system_clock::time_point moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(moment - day));
  const auto count = [](auto duration) { return two_digits(static_cast<unsigned>(duration.count())); };
  return text(static_cast<int>(date.year()), "-", two_digits(static_cast<unsigned>(date.month())), "-",
              two_digits(static_cast<unsigned>(date.day())), "T", count(time.hours()), ":", count(time.minutes()), ":",
              count(time.seconds()), "Z");
}

}  // namespace cli
