// Section header, one interface of Ethernet with microseconds, then enhanced packet blocks. Byte order is this
// machine's, which the section header tells.
#include "net/pcap.h"

#include "sys/file.h"
#include "sys/inet.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace net {

namespace {

constexpr std::size_t buffer_size = 256 << 10;
constexpr std::uint16_t link_type_ethernet = 1, option_comment = 1, option_flags = 2;

constexpr std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

class BlockWriter {
 public:
  explicit BlockWriter(std::span<std::uint8_t> into) : into_(into) {}
  template <class Number>
  void number(Number value) {
    bytes({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  void bytes(View in) {
    in.copy_to(into_.data() + size_);
    size_ += in.size();
  }
  void pad() {
    while (size_ % 4 != 0) into_[size_++] = 0;
  }
  std::size_t size() const { return size_; }

 private:
  std::span<std::uint8_t> into_;
  std::size_t size_ = 0;
};

}  // namespace

std::size_t write_pcap_header(std::span<std::uint8_t> into) {
  constexpr std::uint32_t section_size = 28, interface_size = 20;
  if (into.size() < section_size + interface_size) return 0;
  BlockWriter out(into);
  out.number(std::uint32_t{0x0a0d0d0a});
  out.number(section_size);
  out.number(std::uint32_t{0x1a2b3c4d});
  out.number(std::uint16_t{1}), out.number(std::uint16_t{0});
  out.number(~std::uint64_t{0});  // length of the section: not told
  out.number(section_size);
  out.number(std::uint32_t{1});   // interface description
  out.number(interface_size);
  out.number(link_type_ethernet), out.number(std::uint16_t{0});
  out.number(std::uint32_t{0});   // frames are never cut
  out.number(interface_size);
  return out.size();
}

std::size_t pcap_packet_size(std::size_t frame_size, std::string_view comment) {
  const std::size_t comment_size = comment.empty() ? 0 : 4 + padded(comment.size());
  return 28 + padded(frame_size) + 8 + comment_size + 4 + 4;
}

std::size_t write_pcap_packet(std::span<std::uint8_t> into, std::uint64_t microseconds, Direction direction,
                              std::span<const View> frame, std::string_view comment) {
  std::size_t frame_size = 0;
  for (const View piece : frame) frame_size += piece.size();
  const std::size_t size = pcap_packet_size(frame_size, comment);
  if (into.size() < size) return 0;
  BlockWriter out(into);
  out.number(std::uint32_t{6});   // enhanced packet
  out.number(static_cast<std::uint32_t>(size));
  out.number(std::uint32_t{0});   // interface
  out.number(static_cast<std::uint32_t>(microseconds >> 32)), out.number(static_cast<std::uint32_t>(microseconds));
  out.number(static_cast<std::uint32_t>(frame_size)), out.number(static_cast<std::uint32_t>(frame_size));
  for (const View piece : frame) out.bytes(piece);
  out.pad();
  out.number(option_flags), out.number(std::uint16_t{4});
  out.number(std::uint32_t{direction == Direction::to_sandbox ? 1u : 2u});  // inbound, outbound of the interface
  if (!comment.empty()) {
    out.number(option_comment), out.number(static_cast<std::uint16_t>(comment.size()));
    out.bytes({reinterpret_cast<const std::uint8_t*>(comment.data()), comment.size()});
    out.pad();
  }
  out.number(std::uint32_t{0});   // end of the options
  out.number(static_cast<std::uint32_t>(size));
  return out.size();
}

Result<Capture> Capture::open(const std::string& file) {
  Capture made;
  if (file.empty()) return made;
  // Neither a pipe without a reader nor a link that an earlier sandbox has left in a project may be in its place.
  auto opened = sys::open_file(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (!opened) return fail_hint("name a file that you may write, and no link", "capture: ", opened.error().message);
  made.file_ = std::move(*opened);
  made.buffer_ = TRY(MappedArray<std::uint8_t>::make(buffer_size, "the capture"));
  made.used_ = write_pcap_header({&made.buffer_[0], buffer_size});
  return made;
}

void Capture::add(std::uint64_t microseconds, Direction direction, std::span<const View> frame,
                  std::string_view comment) {
  if (!active()) return;
  for (int round = 0; round < 2; ++round) {
    const std::size_t wrote =
        write_pcap_packet({&buffer_[0] + used_, buffer_size - used_}, microseconds, direction, frame, comment);
    if (wrote != 0) {
      last_ = used_, last_time_ = microseconds, last_direction_ = direction;
      used_ += wrote;
      return;
    }
    flush();
  }
}

void Capture::comment_last(std::span<const View> frame, std::string_view comment) {
  if (!active() || last_ >= used_) return;
  used_ = last_;
  add(last_time_, last_direction_, frame, comment);
}

// A capture that cannot be written at once (a full disk, a pipe that nobody reads) ends; the sandbox goes on.
void Capture::flush() {
  std::size_t done = 0;
  while (active() && done < used_) {
    const iovec piece{&buffer_[0] + done, used_ - done};
    const sys::IoCount wrote = sys::write_pieces(file_, {&piece, 1});
    if (wrote.count <= 0 && wrote.error != EINTR) file_.reset();
    if (wrote.count > 0) done += static_cast<std::size_t>(wrote.count);
  }
  used_ = last_ = 0;
}

}  // namespace net
