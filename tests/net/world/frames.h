// Frames that no kernel would send, onto the sandbox's side of the tap.
#pragma once

#include "world/net_test.h"

#include <cstdint>
#include <string>

namespace world {

// A packet(7) socket on the tap. The capability for it exists only out here: it stands for a payload with CAP_NET_RAW
// or for a kernel gone mad.
class RawTap {
 public:
  explicit RawTap(Sandbox& sandbox);
  // To the engine, from the sandbox's own hardware address.
  void send(std::uint16_t ethertype, const std::string& packet);
  void send_frame(const std::string& frame);     // as it is
  // With a virtio_net_hdr before it; false where the kernel itself refuses.
  bool send_offloaded(const std::string& header, std::uint16_t ethertype, const std::string& packet);
  std::string ethernet(std::uint16_t ethertype) const;

 private:
  Socket plain_, offloaded_;
  std::string own_, engines_;                    // hardware addresses
  int index_ = 0;
};

// Big-endian pieces of packets.
std::string be16(unsigned value);
std::string be32(std::uint32_t value);
std::string raw_address(const std::string& numeric);

struct Ip {
  std::string source, target;
  int protocol = 0;
  int length = -1;                               // as the header says; -1: the truth
  unsigned version_and_length = 0x45;            // IPv4
  unsigned fragment = 0;                         // IPv4: flags and offset
  std::string options = {};                      // IPv4 options, or IPv6 extension headers
};
std::string make_ip(const Ip& ip, const std::string& content);   // with a right checksum
struct Tcp {
  int source = 40000, target = 80;
  std::uint32_t seq = 1, ack = 0;
  unsigned flags = 2, offset = 5;                // SYN; in words
  std::string options = {}, content = {};
};
std::string make_tcp(const Ip& ip, const Tcp& tcp);              // the whole packet, with right checksums
std::string make_udp(const Ip& ip, int source, int target, const std::string& content, int length = -1);

}  // namespace world
