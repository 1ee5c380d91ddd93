// The topology as lines for ip(8), and what runs in it.
#include "world/internet.h"

#include <fstream>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace world {

using namespace std::chrono_literals;
namespace {


// Duplicate address detection would keep the first IPv6 packets waiting.
constexpr const char* settings = R"(
for which in all default; do echo 0 > /proc/sys/net/ipv6/conf/$which/accept_dad; done
)";

constexpr const char* settings_of_beyond = R"(
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
)";

// Not by routes of these types: their errors have a limit of one a second that no sysctl of a namespace lifts.
constexpr const char* refusals_of_beyond = R"(/usr/sbin/nft '
table inet refusals { chain input { type filter hook input priority 0
ip daddr 93.184.20.67 reject with icmp type host-unreachable
ip daddr 93.184.20.68 reject with icmp type admin-prohibited
ip6 daddr 2a00:1450:2::67 reject with icmpv6 type addr-unreachable
ip6 daddr 2a00:1450:2::68 reject with icmpv6 type admin-prohibited
}
}'
)";

constexpr const char* links_of_beyond = R"(
link set lo up
addr add 93.184.10.1/24 dev up0
addr add 10.99.0.1/24 dev up0
addr add 2a00:1450:1::1/64 dev up0 nodad
addr add fd99::1/64 dev up0 nodad
addr add 93.184.20.10/32 dev lo
addr add 93.184.20.20/32 dev lo
addr add 93.184.20.53/32 dev lo
addr add 93.184.20.54/32 dev lo
addr add 93.184.20.67/32 dev lo
addr add 93.184.20.68/32 dev lo
addr add 10.20.0.5/32 dev lo
addr add 100.64.0.5/32 dev lo
addr add 169.254.169.254/32 dev lo
addr add 2a00:1450:2::10/128 dev lo nodad
addr add 2a00:1450:2::20/128 dev lo nodad
addr add 2a00:1450:2::53/128 dev lo nodad
addr add 2a00:1450:2::54/128 dev lo nodad
addr add 2a00:1450:2::67/128 dev lo nodad
addr add 2a00:1450:2::68/128 dev lo nodad
addr add fd12:3456::5/128 dev lo nodad
addr add fd00:ec2::254/128 dev lo nodad
link set up0 up
route add blackhole 93.184.20.66/32
route add blackhole 2a00:1450:2::66/128 dev lo
)";

constexpr const char* links_of_host = R"(
link set lo up
addr add 93.184.10.2/24 dev ext0
addr add 10.99.0.2/24 dev ext0
addr add 2a00:1450:1::2/64 dev ext0 nodad
addr add fd99::2/64 dev ext0 nodad
link set ext0 up
route add default via 93.184.10.1
route add default via 2a00:1450:1::1
)";

harness::Command ip_batch(const char* lines) {
  return {.argv = {"ip", "-batch", "-"}, .input = lines};
}

void must(const harness::Outcome& outcome) {
  if (outcome.status != 0) throw std::runtime_error("ip: " + outcome.out + outcome.err);
}

}  // namespace

Internet::Internet() : host(own_namespace()), beyond(new_namespace()) {
  script_in(beyond, std::string(settings) + settings_of_beyond), script_in(host, settings);
  const std::string target = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(beyond.fd());
  must(run_in(host, {.argv = {"ip", "link", "add", "ext0", "type", "veth", "peer", "name", "up0", "netns", target}}));
  must(run_in(beyond, ip_batch(links_of_beyond)));
  must(run_in(host, ip_batch(links_of_host)));
  script_in(beyond, refusals_of_beyond);
  set_resolvers("nameserver 93.184.20.53\n");
  if (::mount(file("resolv.conf").c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) != 0)
    throw std::runtime_error("cannot bind /etc/resolv.conf");
}

Internet* Internet::get(std::string& why) {
  static std::string failed;
  static const std::unique_ptr<Internet> only = [] {
    for (const char* program : {"ip", "python3"})
      if (!harness::has_program(program)) failed = std::string(program) + " is not installed";
    if (::access("/usr/sbin/nft", X_OK) != 0) failed = "nft is not installed";
    if (failed.empty() && ::access("/dev/net/tun", R_OK | W_OK) != 0) failed = "/dev/net/tun is not open to this user";
    if (failed.empty()) failed = enter();
    return std::unique_ptr<Internet>(failed.empty() ? new Internet : nullptr);
  }();
  why = failed;
  return only.get();
}

void Internet::set_resolvers(const std::string& resolv_conf) const {
  std::ofstream(file("resolv.conf"), std::ios::trunc) << resolv_conf << std::flush;
}

// Only ids that are mapped can be written: there is no way back to "1 0", which allows nobody.
void Internet::allow_ping() const {
  const std::string gid = std::to_string(::getgid());
  script_in(host, "echo " + gid + " " + gid + " > /proc/sys/net/ipv4/ping_group_range");
}

Servers::Servers(const Internet&, const Namespace& where, const std::string& directory, harness::Words options) {
  static int number = 0;
  file_ = directory + "/servers" + std::to_string(++number) + ".log";
  harness::Command command{.argv = {"python3", SBX_SOURCE_DIR "/tests/net/world/servers.py", file_}, .cwd = directory, .timeout = 600s};
  command.argv.insert(command.argv.end(), options.begin(), options.end());
  const In in(where);
  const Privileged privileged;  // ports below 1024
  process_ = std::make_unique<harness::Process>(command);
  process_->send("");           // its end of file is its end
  if (!process_->wait_for("ready", 15s)) throw std::runtime_error("servers.py: " + process_->finish().err);
}

Servers::~Servers() = default;

std::vector<std::string> Servers::log() const { return log(""); }

std::vector<std::string> Servers::log(const std::string& with) const {
  std::vector<std::string> lines;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);)
    if (line.find(with) != std::string::npos) lines.push_back(line);
  return lines;
}

void make_certificates(const std::string& directory, const std::string& names) {
  const harness::Outcome made = harness::run({.argv = {"sh", "-ec", R"(
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=server -keyout key.pem -out request.pem
printf 'subjectAltName=%s\n' "$1" > names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -set_serial 1 -days 2 -extfile names -out cert.pem)", "sh", names}, .cwd = directory});
  if (made.status != 0) throw std::runtime_error("openssl: " + made.err);
}

}  // namespace world
