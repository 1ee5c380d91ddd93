// Nothing a peer sends is trusted: every length is checked against what is there.
#include "launch/dbus.h"

namespace launch {

namespace {

constexpr std::size_t most_bytes = 1 << 20;  // the specification allows 128 MiB; no answer to us is near this
constexpr std::size_t fixed_header = 16;     // with the length of the header's fields
enum Field : std::uint8_t { path_field = 1, interface_field, member_field, error_field, answers_field, destination_field, sender_field, signature_field };

std::size_t padded(std::size_t at, std::size_t alignment) { return (at + alignment - 1) / alignment * alignment; }

class Reader {
 public:
  Reader(std::string_view bytes, bool big, std::size_t at) : bytes_(bytes), at_(at), big_(big) {}
  bool broken() const { return broken_; }
  std::size_t at() const { return at_; }
  void align(std::size_t alignment) { at_ = padded(at_, alignment); }

  std::size_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
  std::uint32_t number() {
    align(4);
    const std::string_view four = take(4);
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(four[big_ ? i : 3 - i]);
    return value;
  }
  std::string_view terminated(std::size_t length) {
    const std::string_view found = take(length);
    byte();
    return broken_ ? std::string_view() : found;
  }
  std::string_view words() { return terminated(number()); }
  std::string_view signature() { return terminated(byte()); }

 private:
  std::string_view take(std::size_t count) {
    constexpr std::string_view nothing("\0\0\0\0", 4);
    broken_ = broken_ || at_ > bytes_.size() || count > bytes_.size() - at_;
    if (broken_) return nothing;
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  std::string_view bytes_;
  std::size_t at_;
  bool big_, broken_ = false;
};

void put_field(DbusWriter& out, Field field, std::string_view type, std::string_view value) {
  if (value.empty()) return;
  out.align(8);
  out.byte(field);
  out.signature(type);
  if (type == "g") out.signature(value);
  else out.words(value);
}

bool is_big(std::string_view bytes) { return bytes[0] == 'B'; }

// One header field: struct (byte, variant).
void take_field(Reader& in, DbusMessage& message, std::string_view& signature) {
  in.align(8);
  const std::size_t field = in.byte();
  const std::string_view type = in.signature();
  if (type == "u") {
    const std::uint32_t number = in.number();
    if (field == answers_field) message.answers = number;
    return;
  }
  const std::string_view value = type == "g" ? in.signature() : type == "s" || type == "o" ? in.words() : in.terminated(SIZE_MAX);
  if (field == member_field) message.member = value;
  if (field == error_field) message.error = value;
  if (field == signature_field) signature = value;
}

}  // namespace

void DbusWriter::put(std::size_t at, std::size_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<char>(value >> (8 * i));
}

void DbusWriter::align(std::size_t alignment) { bytes_.resize(padded(bytes_.size(), alignment), '\0'); }

void DbusWriter::number(std::size_t value) {
  align(4);
  bytes_.resize(bytes_.size() + 4);
  put(bytes_.size() - 4, value);
}

void DbusWriter::large(std::uint64_t value) {
  align(8);
  number(value & 0xffffffff);
  number(value >> 32);
}

void DbusWriter::words(std::string_view value) {
  number(value.size());
  bytes_ += value;
  bytes_ += '\0';
}

void DbusWriter::signature(std::string_view value) {
  byte(value.size());
  bytes_ += value;
  bytes_ += '\0';
}

std::size_t DbusWriter::begin_array(std::size_t alignment) {
  number(0);
  const std::size_t length_at = bytes_.size() - 4;
  align(alignment);
  return length_at;
}

// The length counts neither itself nor the padding before the first element.
void DbusWriter::end_array(std::size_t begun, std::size_t alignment) {
  put(begun, bytes_.size() - padded(begun + 4, alignment));
}

std::string encode(const DbusCall& call, std::uint32_t serial) {
  constexpr std::size_t call_kind = 1, no_flags = 0, version = 1;
  DbusWriter out;
  for (const std::size_t each : {std::size_t{'l'}, call_kind, no_flags, version}) out.byte(each);
  out.number(call.body.size());
  out.number(serial);
  const std::size_t fields = out.begin_array(8);
  put_field(out, path_field, "o", call.path);
  put_field(out, interface_field, "s", call.interface);
  put_field(out, member_field, "s", call.member);
  put_field(out, destination_field, "s", call.destination);
  put_field(out, signature_field, "g", call.signature);
  out.end_array(fields, 8);
  out.align(8);
  return out.bytes() + std::string(call.body);
}

Result<std::optional<std::size_t>> dbus_length(std::string_view bytes) {
  if (bytes.size() < fixed_header) return std::optional<std::size_t>{};
  if (bytes[0] != 'l' && bytes[0] != 'B') return fail("D-Bus: a message without an order of bytes");
  Reader body(bytes, is_big(bytes), 4), fields(bytes, is_big(bytes), 12);
  const std::size_t of_body = body.number(), of_fields = fields.number();
  if (of_body > most_bytes || of_fields > most_bytes) return fail("D-Bus: a message of more than a megabyte");
  return std::optional(padded(fixed_header + of_fields, 8) + of_body);
}

Result<DbusMessage> decode_dbus(std::string_view bytes) {
  const std::optional<std::size_t> length = TRY(dbus_length(bytes));
  if (!length || *length != bytes.size()) return fail("D-Bus: a message cut short");
  DbusMessage message;
  message.kind = static_cast<DbusKind>(bytes[1]);
  Reader in(bytes, is_big(bytes), 12);
  const std::size_t end = in.number() + fixed_header;
  std::string_view signature;
  while (!in.broken() && in.at() < end) take_field(in, message, signature);
  in.align(8);
  for (const char type : signature) {
    if (type == 'u') in.number();
    else if (type == 's' || type == 'o') message.texts.emplace_back(in.words());
    else if (type == 'v' && in.signature() == "b") message.texts.emplace_back(in.number() != 0 ? "true" : "false");
    else break;
  }
  if (in.broken()) return fail("D-Bus: a damaged message");
  return message;
}

}  // namespace launch
