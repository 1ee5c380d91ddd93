// A capture in pcapng (draft-ietf-opsawg-pcapng) for tcpdump and Wireshark: frames without virtio_net_hdr, with a
// comment on those that were denied. Blocks are gathered in fixed memory and written to a file that was opened before
// the engine confined itself. Frames of segmentation offload are one packet here, as tcpdump shows them.
#pragma once

#include "base/result.h"
#include "net/mapped_array.h"
#include "net/view.h"
#include "sys/fd.h"

#include <span>
#include <string_view>

namespace net {

enum class Direction : std::uint8_t { from_sandbox, to_sandbox };

// The blocks themselves, apart from any file. `into` is written from its start; 0: no room.
std::size_t write_pcap_header(std::span<std::uint8_t> into);
std::size_t pcap_packet_size(std::size_t frame_size, std::string_view comment);
std::size_t write_pcap_packet(std::span<std::uint8_t> into, std::uint64_t microseconds, Direction direction,
                              std::span<const View> frame, std::string_view comment);

class Capture {
 public:
  static Result<Capture> open(const std::string& file);  // empty: captures nothing
  bool active() const { return file_.valid(); }
  int number() const { return file_.get(); }
  void add(std::uint64_t microseconds, Direction direction, std::span<const View> frame, std::string_view comment);
  // The frame that was added last, again, now that there is something to say about it.
  void comment_last(std::span<const View> frame, std::string_view comment);
  void flush();

 private:
  sys::Fd file_;
  MappedArray<std::uint8_t> buffer_;
  std::size_t used_ = 0, last_ = 0;  // last_: where the block begins that was added last
  std::uint64_t last_time_ = 0;
  Direction last_direction_{};
};

}  // namespace net
