// DNS messages for tests, written byte by byte and not by the code that is tested.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dns_bytes {

using Message = std::vector<std::uint8_t>;

inline void put16(Message& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Message& out, std::uint32_t value) { put16(out, value >> 16), put16(out, value & 0xffff); }
inline void put(Message& out, std::string_view bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// "a.example" -> \1a\7example\0
inline std::string name(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  return out + '\0';
}

inline std::string pointer(unsigned to) { return {static_cast<char>(0xc0 | to >> 8), static_cast<char>(to)}; }

inline Message header(unsigned id, unsigned flags, unsigned questions, unsigned answers = 0, unsigned authorities = 0,
                      unsigned additionals = 0) {
  Message out;
  for (const unsigned value : {id, flags, questions, answers, authorities, additionals}) put16(out, value);
  return out;
}
inline void question(Message& out, std::string_view owner, unsigned type, unsigned of_class = 1) {
  put(out, name(owner)), put16(out, type), put16(out, of_class);
}
// `owner` as bytes: name(…) or pointer(…).
inline void record(Message& out, std::string_view owner, unsigned type, std::uint32_t ttl, std::string_view content,
                   unsigned of_class = 1) {
  put(out, owner), put16(out, type), put16(out, of_class), put32(out, ttl);
  put16(out, static_cast<unsigned>(content.size())), put(out, content);
}
inline void opt(Message& out, unsigned payload, std::uint32_t flags = 0, std::string_view options = "") {
  record(out, std::string_view("\0", 1), 41, flags, options, payload);
}

inline Message query(unsigned id, std::string_view owner, unsigned type, unsigned payload = 0) {
  Message out = header(id, 0x0100, 1, 0, 0, payload == 0 ? 0 : 1);
  question(out, owner, type);
  if (payload != 0) opt(out, payload);
  return out;
}

struct Record {
  std::string owner, content;
  unsigned type = 0, of_class = 0;
  std::uint32_t ttl = 0;
};

// A reader that trusts the message: what the code under test wrote has to be sound, or at() throws.
struct Read {
  explicit Read(std::span<const std::uint8_t> in) : bytes(in.begin(), in.end()) {
    id = take16(), flags = take16();
    for (unsigned& count : counts) count = take16();
    if (counts[0] == 1) asked = take_name(), type = take16(), take16();
    for (unsigned section = 1; section < 4; ++section)
      for (unsigned i = 0; i < counts[section]; ++i) records[section - 1].push_back(take_record());
    whole = position == bytes.size();
  }
  unsigned rcode() const { return flags & 15; }
  bool truncated() const { return (flags & 0x0200) != 0; }
  const std::vector<Record>& answers() const { return records[0]; }
  // The Extended DNS Error, -1 when there is none, -2 without EDNS.
  int extended_error() const {
    for (const Record& one : records[2]) {
      if (one.type != 41) continue;
      if (one.content.size() < 6 || one.content[1] != 15) return -1;
      return static_cast<unsigned char>(one.content[5]);
    }
    return -2;
  }
  // "a.example" of the bytes at `from`.
  std::string name_from(std::size_t& from) const {
    std::string out;
    bool jumped = false;
    for (std::size_t at = from, steps = 0; steps < 200; ++steps) {
      const unsigned length = bytes.at(at);
      if (length >= 0xc0) {
        if (!jumped) from = at + 2;
        jumped = true;
        at = (length & 0x3f) << 8 | bytes.at(at + 1);
        continue;
      }
      if (length == 0) {
        if (!jumped) from = at + 1;
        return out;
      }
      if (!out.empty()) out += '.';
      for (unsigned i = 1; i <= length; ++i) out += static_cast<char>(bytes.at(at + i));
      at += length + 1;
    }
    return "loop";
  }

  Message bytes;
  unsigned id = 0, flags = 0, type = 0, counts[4] = {};
  std::string asked;
  std::vector<Record> records[3];
  bool whole = false;

 private:
  unsigned take16() {
    position += 2;
    return static_cast<unsigned>(bytes.at(position - 2)) << 8 | bytes.at(position - 1);
  }
  std::string take_name() { return name_from(position); }
  Record take_record() {
    Record out;
    out.owner = take_name(), out.type = take16(), out.of_class = take16();
    const unsigned high = take16();
    out.ttl = high << 16 | take16();
    const unsigned size = take16();
    std::size_t inside = position;
    if (out.type == 5 || out.type == 2 || out.type == 12) {
      out.content = name_from(inside);
    } else if (size != 0) {
      bytes.at(position + size - 1);
      out.content.assign(bytes.begin() + static_cast<std::ptrdiff_t>(position),
                         bytes.begin() + static_cast<std::ptrdiff_t>(position + size));
    }
    position += size;
    return out;
  }
  std::size_t position = 0;
};

}  // namespace dns_bytes
