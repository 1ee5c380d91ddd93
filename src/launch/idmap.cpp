// Id maps: by init itself, by the launcher as root, or by the set-uid helpers of the distribution.
#include "launch/idmap.h"

#include "sys/file.h"

#include <fcntl.h>

namespace launch {

namespace {

std::string map_text(const std::vector<IdMap>& maps) {
  std::string out;
  for (const IdMap& map : maps) out += text(map.inside, " ", map.outside, " ", map.count, "\n");
  return out;
}

Result<> write_entry(const sys::Fd& proc, const std::string& entry, std::string_view content) {
  const sys::Fd file = TRY(sys::open_at(proc, entry, O_WRONLY));
  return sys::write_all(file.get(), "/proc/" + entry, content);
}

std::vector<std::string> helper_command(const char* program, pid_t pid, const std::vector<IdMap>& maps) {
  std::vector<std::string> argv{program, text(pid)};
  for (const IdMap& map : maps)
    for (const Id number : {map.inside, map.outside, map.count}) argv.push_back(text(number));
  return argv;
}

Result<sys::RunningProgram> start_helper(std::vector<std::string> argv) {
  auto started = sys::start_program(argv);
  if (!started && started.error().code == ENOENT)
    return fail_hint("install newuidmap and newgidmap: apt install uidmap", argv[0], " is not installed");
  return started;
}

Result<> finish_helper(sys::RunningProgram program) {
  const std::string name = program.name;
  const sys::ProgramResult result = TRY(sys::finish_program(std::move(program)));
  if (result.status == 0) return {};
  const std::string_view said = trim(result.errors);  // usually with its name in front
  return fail_hint("check your lines in /etc/subuid and /etc/subgid; sbx doctor tells more",
                   said.starts_with(name) ? "" : name + ": ", printable(said));
}

// Side by side: each takes over a millisecond.
Result<> run_helpers(const plan::Identity& identity, pid_t pid) {
  sys::RunningProgram uids = TRY(start_helper(helper_command("newuidmap", pid, identity.uids)));
  auto gids = start_helper(helper_command("newgidmap", pid, identity.gids));
  Result<> uids_done = finish_helper(std::move(uids));
  if (!gids) return std::unexpected<Error>(gids.error());
  Result<> gids_done = finish_helper(std::move(*gids));
  return uids_done ? std::move(gids_done) : std::move(uids_done);
}

}  // namespace

Result<> write_own_maps(const plan::Identity& identity, const sys::Fd& proc) {
  // Without privilege a group map is only accepted once setgroups(2) is off for good (CVE-2014-8989).
  TRY(write_entry(proc, "self/setgroups", "deny"));
  TRY(write_entry(proc, "self/uid_map", map_text(identity.uids)));
  return write_entry(proc, "self/gid_map", map_text(identity.gids));
}

Result<> write_maps_of(const plan::Identity& identity, pid_t pid) {
  if (identity.writer == plan::MapWriter::newidmap) return run_helpers(identity, pid);
  const sys::Fd proc = TRY(sys::open_file("/proc", O_PATH | O_DIRECTORY));
  TRY(write_entry(proc, text(pid, "/uid_map"), map_text(identity.uids)));
  return write_entry(proc, text(pid, "/gid_map"), map_text(identity.gids));
}

}  // namespace launch
