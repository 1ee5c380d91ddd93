// From fork to exec in the payload. The filter comes last: it may forbid what the steps before it need.
#include "launch/command.h"

#include "launch/seccomp.h"
#include "launch/starter.h"
#include "sys/file.h"
#include "sys/privilege.h"
#include "sys/process.h"
#include "sys/seccomp.h"
#include "sys/terminal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <unistd.h>

namespace launch {

namespace {

Result<> take_descriptors(const plan::Command& command, const sys::Fd& terminal) {
  TRY(sys::new_process_group());
  if (!terminal.valid()) return {};
  TRY(sys::set_foreground_group(terminal.get(), ::getpid()));
  for (const int number : {0, 1, 2})
    if (command.terminal_for_all || sys::is_terminal(number)) TRY(sys::duplicate_onto(terminal, number));
  return {};
}

// Who waits for it may have ended before that was asked for.
Result<> end_with_parent(const Joining& joining) {
  TRY(sys::set_parent_death_signal(SIGKILL));
  if (TRY(sys::wait_for_event(joining.complaints.get(), 0, std::chrono::milliseconds(0)))) return fail("what waits for the command was killed");
  return {};
}

Result<> apply_limits(const std::vector<plan::Limit>& limits) {
  for (const plan::Limit& limit : limits) {
    auto set = sys::set_resource_limit(limit.resource, limit.soft, limit.hard, limit.name);
    if (!set) return fail_hint("a hard limit can only be lowered; see ulimit -Ha", set.error().message);
  }
  return {};
}

Result<> give_up_privileges(const Prepared& prepared) {
  TRY(sys::lock_securebits(prepared.capabilities.empty()));
  TRY(sys::bound_capabilities(prepared.capabilities));
  TRY(sys::keep_capabilities(prepared.capabilities));
  return sys::set_no_new_privileges();
}

// With the payload's own rights, and checked afterwards: a working directory outside the root is a way out
// (CVE-2024-21626).
Result<> enter_workdir(const std::string& workdir) {
  auto changed = sys::change_directory(workdir);
  if (!changed) return fail_hint("bind it with --rw or --ro, or name another with --workdir", "working directory ", changed.error().message);
  const std::string now = TRY(sys::working_directory());
  static_cast<void>(now);
  return {};
}

Result<> apply_landlock(const plan::Landlock& landlock) {
  if (landlock.abi == 0) return {};
  std::vector<sys::LandlockPath> paths;
  for (const std::string& path : landlock.read_only) paths.push_back({path, false});
  for (const std::string& path : landlock.read_write) paths.push_back({path, true});
  return sys::enter_landlock(landlock.abi, paths);
}

// Where a name without a slash is looked for.
std::vector<std::string> places_of(const plan::Command& command) {
  const std::string& name = command.argv[0];
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> places;
  for (const std::string& place : split(command.search_path, ':')) places.push_back(place.empty() ? name : place + "/" + name);
  return places;
}

struct CStrings {
  std::vector<char*> pointers;
  explicit CStrings(const std::vector<std::string>& strings) {
    for (const std::string& each : strings) pointers.push_back(const_cast<char*>(each.c_str()));
    pointers.push_back(nullptr);
  }
};

// execvpe(3) with the sandbox's own PATH, and errors that name what was looked for.
Error execute(const plan::Command& command) {
  CStrings argv(command.argv);
  const CStrings environment(command.environment);
  Error refused{.code = ENOENT, .message = {}, .hint = {}};
  for (const std::string& file : places_of(command)) {
    Error error = sys::start_program_in_place(file, argv.pointers.data(), environment.pointers.data()).error();
    if (error.code == ENOEXEC) {  // a script without #!, as shells run it
      std::vector<std::string> script{"/bin/sh", file};
      script.insert(script.end(), command.argv.begin() + 1, command.argv.end());
      CStrings words(script);
      error = sys::start_program_in_place(script[0], words.pointers.data(), environment.pointers.data()).error();
    }
    if (error.code != ENOENT && error.code != ENOTDIR && refused.code == ENOENT) refused = std::move(error);
    if (refused.code != ENOENT && refused.code != EACCES) break;
  }
  return explain_exec(command, std::move(refused));
}

// The starter takes one file: the first that may be run, else the first that is there.
Error execute(const plan::Command& command, const Joining& joining) {
  std::string found;
  for (const std::string& file : places_of(command)) {
    const auto there = sys::stat_path(file);
    if (!there && there.error().code != EACCES) return there.error();
    if (!there || !*there || (*there)->kind == sys::FileKind::directory) continue;
    const bool runs = sys::may_execute(file);
    if (runs || found.empty()) found = file;
    if (runs) break;
  }
  if (found.empty()) found = places_of(command).front();
  return start_by(joining.starter, joining.complaints, found, command.argv, command.environment);
}

Result<> prepare(const plan::Plan& plan, const plan::Command& command, const Prepared& prepared, const sys::Fd& terminal,
                 const Joining* joining) {
  TRY(take_descriptors(command, terminal));
  if (joining != nullptr) TRY(end_with_parent(*joining));  // else init ends with it
  TRY(apply_limits(plan.limits));
  sys::set_file_mask(prepared.file_mask);
  TRY(give_up_privileges(prepared));
  TRY(enter_workdir(command.workdir));
  TRY(apply_landlock(plan.landlock));
  TRY(sys::unblock_all_signals());
  if (!prepared.filter.empty()) TRY(sys::install_filter(prepared.filter));
  return {};
}

}  // namespace

Error explain_exec(const plan::Command& command, Error refused) {
  if (refused.code != ENOENT && refused.code != ENOTDIR) return refused.status = exit_status::not_executable, refused;
  return Error{ENOENT, text("command ", printable(command.argv[0]), " not found in the sandbox"),
               "it may be installed where the profile shows nothing: see sbx --dry-run, and add --ro DIR", exit_status::not_found};
}

Error run_payload(const plan::Plan& plan, const plan::Command& command, const Prepared& prepared, const sys::Fd& terminal,
                  const Joining* joining) {
  Result<> ready = prepare(plan, command, prepared, terminal, joining);
  if (!ready) return std::move(ready).error();
  return joining == nullptr ? execute(command) : execute(command, *joining);
}

}  // namespace launch
