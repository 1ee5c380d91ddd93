// The option table and the verb table. A row's `apply` turns its argument into settings of the profile
// or into a field of Options; the meaning of a value is checked where the profile key is (profile/, plan/).
#include "cli/options.h"

#include "base/path.h"
#include "base/units.h"

#include <algorithm>
#include <array>
#include <limits>

namespace cli {
namespace {

void add(Options& options, const Option& option, Change change, std::string_view key, std::string_view value) {
  options.settings.push_back({change, std::string(key), std::string(value), option.long_form()});
}

Result<> assign(Options& options, const Option& option, std::string_view value) {
  add(options, option, Change::assign, option.key, option.argument.empty() ? option.constant : value);
  return {};
}

Result<> append(Options& options, const Option& option, std::string_view value) {
  add(options, option, Change::append, option.key, value);
  return {};
}

Result<> append_each(Options& options, const Option& option, std::string_view value) {
  for (const std::string& part : split(value, ',')) {
    if (part.empty()) return fail(option.long_form(), ": '", printable(value), "' has an empty part");
    add(options, option, Change::append, option.key, part);
  }
  return {};
}

// docker's counts memory too; -1 is no limit.
Result<> memory_swap(Options& options, const Option& option, std::string_view value) {
  const bool none = value == "-1" || value == "max";
  add(options, option, Change::assign, option.key, none ? "max" : text("total:", value));
  return {};
}

// "!*" empties the list: docker's --cap-drop ALL.
Result<> remove(Options& options, const Option& option, std::string_view value) {
  const bool all = value == "ALL" || value == "all";
  add(options, option, Change::append, option.key, all ? "!*" : text("!", value));
  return {};
}

// For the maps: "K=V" with a name before the sign.
Result<> append_pair(Options& options, const Option& option, std::string_view value) {
  const std::size_t sign = value.find('=');
  if (sign == 0 || sign == std::string_view::npos)
    return fail_hint(text("write ", option.long_form(), " ", option.argument), option.long_form(), ": '",
                     printable(value), "' is not of the form ", option.argument);
  return append(options, option, value);
}

Result<> environment(Options& options, const Option& option, std::string_view value) {
  if (value.starts_with('=')) return fail_hint("write -e NAME=VALUE, or -e NAME to pass yours on", option.long_form(), ": '", printable(value), "' has no name");
  const bool pair = value.find('=') != std::string_view::npos;
  add(options, option, Change::append, pair ? "environment.set" : "environment.pass", value);
  return {};
}

// docker's: read-write unless the third part says ro; podman's O, a copy thrown away afterwards.
Result<> volume(Options& options, const Option& option, std::string_view value) {
  const std::vector<std::string> parts = TRY(path::split_colons(value));
  if (parts.size() < 2 || parts.size() > 3)
    return fail_hint("write -v OUTSIDE:INSIDE[:ro|rw|O], or --rw DIR for the same path on both sides", option.long_form(),
                     ": '", printable(value), "' is not of the form ", option.argument);
  const std::string mode = parts.size() == 3 ? parts.back() : "rw";
  if (mode != "ro" && mode != "rw" && mode != "O")
    return fail_hint("write ro, rw or O", option.long_form(), ": mode '", printable(mode), "' is not one of ro, rw, O");
  if (parts.size() == 3) value.remove_suffix(mode.size() + 1);
  add(options, option, Change::append, mode == "ro" ? "filesystem.read_only" : mode == "O" ? "filesystem.tmp_overlay" : "filesystem.read_write", value);
  return {};
}

// The first one empties the list of the profile; what --set adds stays, wherever it stands.
Result<> allow(Options& options, const Option& option, std::string_view value) {
  const std::string name = option.long_form();
  if (std::ranges::find(options.settings, name, &Setting::option) == options.settings.end())
    options.settings.insert(options.settings.begin(), {Change::append, std::string(option.key), "!*", name});
  return append(options, option, value);
}

// A name without a slash is a file here: "host" and "empty" are words of filesystem.root.
Result<> host_file(Options& options, const Option& option, std::string_view value) {
  const bool plain = std::string_view("/~$.").find(value.front()) == std::string_view::npos;
  add(options, option, Change::assign, option.key, plain ? text("./", value) : std::string(value));
  return {};
}

Result<> set(Options& options, const Option& option, std::string_view value) {
  add(options, option, Change::set, {}, value);
  return {};
}

Result<> report(Options& options, const Option&, std::string_view value) {
  if (!value.starts_with("fd:")) {
    options.report = ReportTarget{std::string(value), -1};
    return {};
  }
  const auto number = parse_number(value.substr(3), std::numeric_limits<int>::max());
  if (!number) return fail_hint("write --report fd:3, with the descriptor open", "--report: ", number.error().message);
  options.report = ReportTarget{{}, static_cast<int>(*number)};
  return {};
}

Result<> dry_run(Options& options, const Option&, std::string_view value) {
  options.dry_run = value == "json" ? DryRun::json : DryRun::text;
  return {};
}

template <bool Options::*field>
Result<> turn_on(Options& options, const Option&, std::string_view) {
  options.*field = true;
  return {};
}

template <std::vector<std::string> Options::*field>
Result<> collect(Options& options, const Option&, std::string_view value) {
  (options.*field).emplace_back(value);
  return {};
}

Result<> accept(Options&, const Option&, std::string_view) { return {}; }

template <class... Verbs>
constexpr unsigned only(Verbs... verbs) {
  return ((1u << static_cast<unsigned>(verbs)) | ...);
}
constexpr unsigned every_verb = ~0u;
constexpr unsigned run_and_exec = only(Verb::run, Verb::exec);

constexpr Option options_of_sbx[] = {
    {.name = "profile", .letter = 'P', .argument = "NAME|FILE", .group = Group::profile,
     .help = "use a profile; several add up, the later wins",
     .apply = collect<&Options::profiles>, .completes = Completes::profile},
    {.name = "set", .argument = "TABLE.KEY=VALUE", .group = Group::profile,
     .help = "set any profile key; =+VALUE adds to a list", .apply = set},
    {.name = "dry-run", .argument = "[=json]", .group = Group::profile,
     .help = "print what would be done, and do nothing", .apply = dry_run, .closed = true},

    {.name = "name", .argument = "NAME", .group = Group::identity,
     .help = "the sandbox's name", .apply = assign, .key = "sandbox.name"},
    {.name = "join", .argument = "NAME[:ipc,pid,uts]", .group = Group::identity,
     .help = "share the network of a running one", .apply = assign, .key = "sandbox.join", .completes = Completes::sandbox},
    {.name = "hostname", .argument = "NAME", .group = Group::identity,
     .help = "the host name inside; else the sandbox's name", .apply = assign, .key = "sandbox.hostname"},
    {.name = "user", .letter = 'u', .argument = "self|root|UID[:GID]", .group = Group::identity,
     .help = "who the command runs as, inside", .apply = assign, .key = "sandbox.user"},
    {.name = "userns", .argument = "auto|single|range", .group = Group::identity,
     .help = "map the own id only, or the range as well", .apply = assign, .key = "sandbox.userns",
     .closed = true},

    {.name = "ro", .argument = "A[:B]", .group = Group::files, .help = "show A, read-only (at B)",
     .apply = append, .key = "filesystem.read_only", .completes = Completes::file},
    {.name = "rw", .argument = "A[:B]", .group = Group::files, .help = "show A, writable (at B)",
     .apply = append, .key = "filesystem.read_write", .completes = Completes::file},
    {.name = "volume", .letter = 'v', .argument = "A:B[:ro|rw|O]", .group = Group::files,
     .help = "show A at B; writable unless :ro, or a copy (O)", .apply = volume, .completes = Completes::file},
    {.name = "overlay", .argument = "A[:B]", .group = Group::files,
     .help = "show A writable; changes are kept apart", .apply = append, .key = "filesystem.overlay",
     .completes = Completes::directory},
    {.name = "tmp-overlay", .argument = "A[:B]", .group = Group::files,
     .help = "show A writable; changes are thrown away", .apply = append, .key = "filesystem.tmp_overlay",
     .completes = Completes::directory},
    {.name = "tmpfs", .argument = "DIR[:size=N]", .group = Group::files,
     .help = "an empty directory in memory", .apply = append, .key = "filesystem.tmpfs",
     .completes = Completes::directory},
    {.name = "hide", .argument = "PATH", .group = Group::files, .help = "cover a file or directory with nothing",
     .apply = append, .key = "filesystem.hide", .completes = Completes::file},
    {.name = "home", .argument = "private|empty|keep[:NAME]|ro|host", .group = Group::files,
     .help = "what the home directory is", .apply = assign, .key = "filesystem.home"},
    {.name = "rootfs", .argument = "DIR", .group = Group::files, .help = "use the system in DIR as the root",
     .apply = host_file, .key = "filesystem.root", .completes = Completes::directory},
    {.name = "workdir", .letter = 'w', .argument = "DIR", .group = Group::files,
     .help = "the working directory inside", .apply = assign, .key = "sandbox.workdir",
     .completes = Completes::directory, .verbs = run_and_exec},

    {.name = "env", .letter = 'e', .argument = "K[=V]", .group = Group::environment,
     .help = "set a variable, or pass the caller's", .apply = environment, .verbs = run_and_exec},
    {.name = "env-file", .argument = "FILE", .group = Group::environment, .help = "set the K=V lines of a file",
     .apply = collect<&Options::env_files>, .completes = Completes::file},
    {.name = "clear-env", .group = Group::environment, .help = "drop what the profile passes and sets",
     .apply = turn_on<&Options::clear_env>},
    {.name = "secret", .argument = "NAME=FILE", .group = Group::environment,
     .help = "a copy of FILE as /run/secrets/NAME", .apply = append_pair, .key = "environment.secret",
     .completes = Completes::file},

    {.name = "net", .argument = "none|user|host", .group = Group::network,
     .help = "none, one with rules, or the host's own", .apply = assign, .key = "network.mode", .closed = true},
    {.name = "allow", .argument = "RULE", .group = Group::network,
     .help = "reach this (github.com:443, @lan) and no more", .apply = allow, .key = "network.allow"},
    {.name = "deny", .argument = "RULE", .group = Group::network, .help = "do not reach this",
     .apply = append, .key = "network.deny"},
    {.name = "publish", .letter = 'p', .argument = "[ADDR:]HOST:INSIDE[/udp]", .group = Group::network,
     .help = "a port of the host that leads inside", .apply = append, .key = "network.publish"},
    {.name = "host-port", .argument = "PORT", .group = Group::network,
     .help = "the host's port as host.sbx.internal:PORT", .apply = append, .key = "network.host_ports"},
    {.name = "dns", .argument = "IP", .group = Group::network, .help = "ask this name server, not the host's",
     .apply = append, .key = "network.dns"},
    {.name = "pcap", .argument = "FILE", .group = Group::network, .help = "write every frame to FILE",
     .apply = host_file, .key = "network.pcap", .completes = Completes::file},

    {.name = "memory", .letter = 'm', .argument = "SIZE", .group = Group::limits, .help = "end it when it uses more memory: 512M, 2G",
     .apply = assign, .key = "resources.memory",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "memory-swap", .argument = "SIZE", .group = Group::limits, .help = "memory and swap together, as docker counts",
     .apply = memory_swap, .key = "resources.swap",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "cpus", .argument = "N.N", .group = Group::limits, .help = "the time of so many processors: 1.5",
     .apply = assign, .key = "resources.cpus",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "cpu-weight", .argument = "WEIGHT", .group = Group::limits, .help = "its share among others: 1 to 10000, usually 100",
     .apply = assign, .key = "resources.cpu_weight",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "cpuset-cpus", .argument = "LIST", .group = Group::limits, .help = "the processors it may run on: 0-3,6",
     .apply = assign, .key = "resources.cpuset",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "pids-limit", .argument = "NUMBER", .group = Group::limits, .help = "how many processes and threads it may have",
     .apply = assign, .key = "resources.pids",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "io-max", .argument = "LIMIT", .group = Group::limits, .help = "limits of a device: '/dev/sda rbps=10M'",
     .apply = append, .key = "resources.io_max",
     .verbs = only(Verb::run, Verb::update)},
    {.name = "qos", .argument = "guaranteed|burstable|batch", .group = Group::limits, .help = "what it is among others",
     .apply = assign, .key = "resources.qos", .closed = true,
     .verbs = only(Verb::run, Verb::update)},
    {.name = "timeout", .argument = "TIME", .group = Group::limits, .help = "end the command after 30s, 10m, 1h",
     .apply = assign, .key = "sandbox.timeout"},
    {.name = "kill-after", .argument = "TIME", .group = Group::limits,
     .help = "from the end's SIGTERM to its SIGKILL", .apply = assign, .key = "sandbox.kill_after",
     .verbs = only(Verb::run, Verb::stop)},
    {.name = "ulimit", .argument = "NAME=SOFT[:HARD]", .group = Group::limits,
     .help = "a resource limit: nofile=1024", .apply = append_pair, .key = "resources.ulimit"},

    {.name = "cap-add", .argument = "CAPABILITY", .group = Group::confinement, .help = "keep a capability",
     .apply = append, .key = "security.capabilities"},
    {.name = "cap-drop", .argument = "CAPABILITY", .group = Group::confinement,
     .help = "drop a capability the profile keeps", .apply = remove, .key = "security.capabilities"},
    {.name = "landlock", .argument = "auto|require|off", .group = Group::confinement,
     .help = "Landlock as a second wall", .apply = assign, .key = "security.landlock", .closed = true},
    {.name = "nested-userns", .group = Group::confinement, .help = "let the command make user namespaces",
     .apply = assign, .key = "security.nested_userns", .constant = "true"},
    {.name = "allow-degraded", .argument = "FEATURE,...", .group = Group::confinement,
     .help = "go on without these where they are missing", .apply = append_each, .key = "security.allow_degraded"},

    {.name = "tty", .letter = 't', .group = Group::terminal, .help = "give the command a terminal of its own",
     .apply = assign, .key = "sandbox.terminal", .constant = "on", .verbs = run_and_exec},
    {.name = "no-tty", .letter = 'T', .group = Group::terminal, .help = "hand descriptors 0-2 through as they are",
     .apply = assign, .key = "sandbox.terminal", .constant = "off", .verbs = run_and_exec},
    {.name = "interactive", .letter = 'i', .group = Group::terminal,
     .help = "accepted; standard input is always passed", .apply = accept, .verbs = run_and_exec},

    {.name = "detach", .letter = 'd', .group = Group::terminal,
     .help = "return when it runs; see sbx logs, ps, stop", .apply = turn_on<&Options::detach>},

    {.name = "on-exit", .argument = "ask|keep|commit|discard", .group = Group::after,
     .help = "what becomes of what an overlay keeps", .apply = assign, .key = "filesystem.on_exit", .closed = true},
    {.name = "report", .argument = "FILE|fd:N", .group = Group::after, .help = "write what happened, as JSON",
     .apply = report, .completes = Completes::file},
    {.name = "stats", .group = Group::after, .help = "a summary on standard error", .apply = turn_on<&Options::stats>},
    {.name = "quiet", .letter = 'q', .group = Group::after, .help = "print errors only",
     .apply = turn_on<&Options::quiet>},
    {.name = "verbose", .group = Group::after, .help = "say more: every filter rule with --dry-run",
     .apply = turn_on<&Options::verbose>},

    {.name = "origin", .help = "say where each value comes from", .apply = turn_on<&Options::origin>,
     .verbs = only(Verb::profile_show)},
    {.name = "json", .help = "print JSON", .apply = turn_on<&Options::json>, .verbs = only(Verb::doctor, Verb::ps, Verb::stats, Verb::diff)},
    {.name = "all", .letter = 'a', .help = "show ended ones too", .apply = turn_on<&Options::all>, .verbs = only(Verb::ps)},
    {.name = "follow", .letter = 'f', .help = "go on until the sandbox ends", .apply = turn_on<&Options::follow>,
     .verbs = only(Verb::logs)},
    {.name = "force", .letter = 'f', .help = "end what runs; commit over the host's changes", .apply = turn_on<&Options::force>,
     .verbs = only(Verb::rm, Verb::commit)},
    {.name = "stat", .help = "count the lines that changed", .apply = turn_on<&Options::stat>, .verbs = only(Verb::diff)},
    {.name = "patch", .letter = 'p', .help = "print a patch for git apply", .apply = turn_on<&Options::patch>, .verbs = only(Verb::diff)},
    {.name = "allow-setuid", .help = "keep set-uid, set-gid and capabilities", .apply = turn_on<&Options::allow_setuid>,
     .verbs = only(Verb::commit)},
    {.name = "signal", .letter = 's', .argument = "SIGNAL", .help = "send this one: HUP, SIGUSR1, 10",
     .apply = [](Options& options, const Option&, std::string_view value) -> Result<> {
       options.signal = value;
       return {};
     }, .verbs = only(Verb::kill)},
    {.name = "help", .letter = 'h', .help = "print this help", .apply = turn_on<&Options::help>, .verbs = every_verb},
    {.name = "version", .help = "print the version",
     .apply = [](Options& options, const Option&, std::string_view) -> Result<> {
       options.verb = Verb::version;
       return {};
     }},
};

// In the order of Verb.
constexpr VerbRow verbs_of_sbx[] = {
    {Verb::run, "run", "", "run a command (the verb may be left out)"},
    {Verb::exec, "exec", "NAME -- COMMAND [ARG...]", "run a further command in a running sandbox", 1, 1, Completes::sandbox},
    {Verb::ps, "ps", "", "the sandboxes with a name that run"},
    {Verb::inspect, "inspect", "NAME", "all that is known of one, as JSON", 1, 1, Completes::sandbox},
    {Verb::logs, "logs", "NAME", "the output of a detached one", 1, 1, Completes::sandbox},
    {Verb::stats, "stats", "[NAME...]", "what those that run use", 0, any_number, Completes::sandbox},
    {Verb::top, "top", "", "the same as a screen that follows; q ends it"},
    {Verb::stop, "stop", "NAME...", "end them: SIGTERM, then SIGKILL", 1, any_number, Completes::sandbox},
    {Verb::kill, "kill", "NAME...", "send their commands a signal; SIGKILL", 1, any_number, Completes::sandbox},
    {Verb::pause, "pause", "NAME...", "freeze all their processes", 1, any_number, Completes::sandbox},
    {Verb::resume, "resume", "NAME...", "thaw them", 1, any_number, Completes::sandbox},
    {Verb::update, "update", "NAME", "change the limits of one that runs", 1, 1, Completes::sandbox},
    {Verb::rm, "rm", "NAME...", "forget ended ones: record, report, log", 1, any_number, Completes::sandbox},
    {Verb::diff, "diff", "NAME [PATH...]", "what it changed in its overlays", 1, any_number, Completes::sandbox},
    {Verb::commit, "commit", "NAME [PATH...]", "keep what it changed", 1, any_number, Completes::sandbox},
    {Verb::discard, "discard", "NAME [PATH...]", "forget what it changed", 1, any_number, Completes::sandbox},
    {Verb::profile_list, "profile list", "", "the profiles that -P can name"},
    {Verb::profile_show, "profile show", "NAME|FILE...", "the merged result", 1, any_number, Completes::profile},
    {Verb::profile_check, "profile check", "NAME|FILE...", "look for mistakes", 1, any_number, Completes::profile},
    {Verb::profile_diff, "profile diff", "NAME|FILE NAME|FILE", "what differs", 2, 2, Completes::profile},
    {Verb::doctor, "doctor", "", "try each stage of a launch on this machine"},
    {Verb::completion, "completion", "bash|zsh|fish", "print the completion of a shell", 1, 1},
    {Verb::chown_back, "chown-back", "PATH...", "give files of subordinate ids back to you", 1, any_number,
     Completes::file},
    {Verb::help, "help", "[VERB]", "explain sbx or one verb", 0, 2, Completes::verb},
    {Verb::version, "version", "", "print the version"},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < std::size(verbs_of_sbx); ++i)
    if (static_cast<std::size_t>(verbs_of_sbx[i].verb) != i) return false;
  return std::size(verbs_of_sbx) == static_cast<std::size_t>(Verb::version) + 1;
}
static_assert(rows_follow_the_enum());

}  // namespace

std::span<const Option> option_table() { return options_of_sbx; }
std::span<const VerbRow> verb_table() { return verbs_of_sbx; }
const VerbRow& row_of(Verb verb) { return verbs_of_sbx[static_cast<std::size_t>(verb)]; }

std::vector<std::string> argument_words(std::string_view argument) {
  if (argument.starts_with("[=")) argument = argument.substr(2, argument.size() - 3);
  std::vector<std::string> words;
  for (const std::string& part : split(argument, '|')) {
    const std::string word = part.substr(0, part.find('['));
    const bool literal = std::ranges::all_of(word, [](char letter) { return letter >= 'a' && letter <= 'z'; });
    if (literal && !word.empty()) words.push_back(word);
  }
  return words;
}

}  // namespace cli
