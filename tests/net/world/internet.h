// A small internet for one test process: its host, on which sbx runs, and everything beyond, in two network
// namespaces joined by a veth(4) pair. No packet ever leaves the machine; no root is needed.
//
//   host   lo · ext0 93.184.10.2, 2a00:1450:1::2 (and 10.99.0.2) ── default route ──► beyond
//   beyond web, other, resolvers, two hosts of a LAN, the metadata services; and targets that swallow packets, or
//          refuse them by ICMP. It forwards nothing else.
// The addresses look like public ones, since those for documentation count as reserved.
#pragma once

#include "harness/surroundings.h"
#include "world/namespaces.h"

#include <memory>
#include <string>
#include <vector>

namespace world {

// The same place in both families; tests go through all of `families`.
struct Place {
  const char* v4;
  const char* v6;
  std::string at(int version) const { return version == 4 ? v4 : v6; }
};
inline constexpr int families[] = {4, 6};

inline constexpr Place host{"93.184.10.2", "2a00:1450:1::2"}, router{"93.184.10.1", "2a00:1450:1::1"};
inline constexpr Place host_second{"10.99.0.2", "fd99::2"}, loopback{"127.0.0.1", "::1"};
inline constexpr Place web{"93.184.20.10", "2a00:1450:2::10"}, other{"93.184.20.20", "2a00:1450:2::20"};
inline constexpr Place resolver{"93.184.20.53", "2a00:1450:2::53"}, resolver_second{"93.184.20.54", "2a00:1450:2::54"};
inline constexpr Place lan{"10.20.0.5", "fd12:3456::5"}, metadata{"169.254.169.254", "fd00:ec2::254"};
inline constexpr Place blackhole{"93.184.20.66", "2a00:1450:2::66"}, unreachable{"93.184.20.67", "2a00:1450:2::67"};
inline constexpr Place prohibited{"93.184.20.68", "2a00:1450:2::68"};

class Internet {
 public:
  // The process's one; nullptr and `why` where this machine does not allow it.
  static Internet* get(std::string& why);

  Namespace host;
  Namespace beyond;

  void set_resolvers(const std::string& resolv_conf) const;  // the content of the host's /etc/resolv.conf
  void allow_ping() const;                                   // icmp(7): sockets for echo without a capability
  std::string file(const std::string& name) const { return files_ / name; }  // for what outlives a test

 private:
  Internet();
  harness::TempDir files_;
};

// The programs behind servers.py, until the object ends.
class Servers {
 public:
  Servers(const Internet& internet, const Namespace& where, const std::string& directory, harness::Words options);
  ~Servers();
  std::vector<std::string> log() const;                       // all lines so far
  std::vector<std::string> log(const std::string& with) const;  // those that contain it

 private:
  std::string file_;
  std::unique_ptr<harness::Process> process_;
};

// A throwaway authority and a server's certificate for these names: ca.pem, cert.pem, key.pem in `directory`.
void make_certificates(const std::string& directory, const std::string& names);

// What passed the host's outer interface since the object was made.
struct Packet {
  std::string source, target;
  int protocol = 0, source_port = 0, target_port = 0;        // IPPROTO_…; ICMP: type and code in place of ports
  unsigned tcp_flags = 0;
  std::size_t size = 0;                                      // of the IP packet
  bool outgoing = false;
  bool fragment = false;
};
class Wire {
 public:
  explicit Wire(const Internet& internet);
  ~Wire();
  const std::vector<Packet>& packets();                      // waits a moment for what is under way
  std::size_t sent_to(const std::string& address, int port = 0);
  std::string text();                                        // for messages

 private:
  int fd_ = -1;
  std::vector<Packet> packets_;
};

}  // namespace world
