// DNS messages (RFC 1035 4) read and written within bounds. Every message that goes on is written anew from what
// was understood of it, so that no resolver library inside reads it otherwise than the policy did. No allocation.
#pragma once

#include "net/name.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace net {

using Bytes = std::span<const std::uint8_t>;

namespace dns_type {
inline constexpr std::uint16_t a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, mx = 15, txt = 16, rp = 17, afsdb = 18,
                               rt = 21, aaaa = 28, srv = 33, kx = 36, dname = 39, opt = 41, rrsig = 46, svcb = 64,
                               https = 65, ixfr = 251, axfr = 252, any = 255;
}
inline constexpr std::uint16_t dns_class_in = 1;

enum class Rcode : std::uint8_t { no_error, format_error, server_failure, name_error, not_implemented, refused };

namespace dns_flag {
inline constexpr std::uint16_t response = 0x8000, opcode = 0x7800, authoritative = 0x0400, truncated = 0x0200,
                               recursion_desired = 0x0100, recursion_available = 0x0080, authentic = 0x0020,
                               checking_disabled = 0x0010, rcode = 0x000f;
}

// A name as it stands in a message: labels with their lengths and the final zero, case as it came, not compressed.
struct WireName {
  std::array<std::uint8_t, 255> bytes;
  std::uint8_t size = 0;
  Bytes view() const { return {bytes.data(), size}; }
};
bool same_name(const WireName& one, const WireName& other);   // letters of either case (RFC 4343)
std::optional<Name> to_name(const WireName& name);            // see make_name()
std::optional<WireName> to_wire(std::string_view name);

struct Question {
  WireName name;
  std::uint16_t type = 0, of_class = 0;
};

struct Header {
  std::uint16_t id = 0, flags = 0, questions = 0, answers = 0, authorities = 0, additionals = 0;
};

struct Record {
  WireName owner;
  std::uint16_t type = 0, of_class = 0;
  std::uint32_t ttl = 0;
  std::size_t at = 0, size = 0;  // of its data, within the message
};

class MessageReader {
 public:
  explicit MessageReader(Bytes message) : message_(message) {}
  // Each is nothing where the message ends too early or lies about a length.
  std::optional<Header> header();
  std::optional<Question> question();
  std::optional<Record> record();
  // Moves `at` behind it; not beyond `end` but by pointers, which only go back.
  std::optional<WireName> name_at(std::size_t& at, std::size_t end) const;
  Bytes bytes(const Record& record) const { return message_.subspan(record.at, record.size); }
  std::size_t left() const { return message_.size() - at_; }

 private:
  Bytes message_;
  std::size_t at_ = 0;
};

// Writes into a given place. What does not fit is left out whole and `overflowed` says so.
class MessageWriter {
 public:
  explicit MessageWriter(std::span<std::uint8_t> into) : into_(into) {}
  void header(std::uint16_t id, std::uint16_t flags);
  void question(const Question& question);

  enum class Section { answer, authority, additional };
  // begin_record(), its data, end_record() or abandon_record(), which takes it back.
  void begin_record(const WireName& owner, std::uint16_t type, std::uint32_t ttl);
  void name(const WireName& name, bool compress);
  void number8(std::uint8_t value);
  void number16(std::uint16_t value);
  void number32(std::uint32_t value);
  void bytes(Bytes data);
  void end_record(Section section);
  void abandon_record();
  // EDNS (RFC 6891), with an Extended DNS Error (RFC 8914) when one is given.
  void opt(std::uint16_t payload, bool dnssec_ok, std::optional<std::uint16_t> error);

  bool overflowed() const { return overflowed_; }
  std::uint16_t answers() const { return counts_[0]; }
  Bytes message() const { return {into_.data(), size_}; }

 private:
  static constexpr std::size_t remembered = 64;
  std::span<std::uint8_t> into_;
  std::size_t size_ = 0, record_ = 0, length_at_ = 0;
  bool overflowed_ = false, failed_ = false;     // failed: the record at hand does not fit
  std::array<std::uint16_t, 3> counts_{};
  std::array<std::uint16_t, remembered> names_;  // where labels begin that later names may point to
  std::size_t name_count_ = 0;
};

// What a client asks, as far as it is to be answered.
struct Query {
  std::uint16_t id = 0, flags = 0;
  Question question;
  bool edns = false, dnssec_ok = false;
  std::uint16_t payload = 512;   // bytes of UDP that the client takes
  Rcode rcode = Rcode::no_error; // otherwise the reply it gets: opcode, number of questions, class, AXFR, ANY
};
// Nothing for what is to be dropped: a response, or too short to be answered.
std::optional<Query> parse_query(Bytes message);

}  // namespace net
