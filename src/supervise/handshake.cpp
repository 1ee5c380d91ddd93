// Encoding: kind, number, then length-prefixed texts. Both sides are the same binary on the same machine.
#include "supervise/handshake.h"

#include "sys/socket.h"

#include <cstring>

namespace supervise {

namespace {

void put_number(std::string& out, int number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof bytes);
}

// An error may quote a command line of megabytes, and a message has a size that is always sent.
constexpr std::size_t most_text = 4096;

void put_text(std::string& out, std::string_view content) {
  constexpr std::string_view cut = " (cut)";
  const bool whole = content.size() <= most_text;
  if (!whole) content = content.substr(0, most_text - cut.size());
  put_number(out, static_cast<int>(content.size() + (whole ? 0 : cut.size())));
  out += content;
  if (!whole) out += cut;
}

struct Reader {
  std::string_view rest;
  bool broken = false;

  int number() {
    int value = 0;
    if (rest.size() < sizeof value) return broken = true, 0;
    std::memcpy(&value, rest.data(), sizeof value);
    rest.remove_prefix(sizeof value);
    return value;
  }
  std::string content() {
    const int length = number();
    if (length < 0 || static_cast<std::size_t>(length) > rest.size()) return broken = true, std::string{};
    std::string out(rest.substr(0, static_cast<std::size_t>(length)));
    rest.remove_prefix(static_cast<std::size_t>(length));
    return out;
  }
};

}  // namespace

std::string encode(const Message& message) {
  std::string out(1, static_cast<char>(message.kind));
  put_number(out, message.number);
  put_text(out, message.text);
  put_number(out, message.error.code);
  put_number(out, message.error.status);
  put_text(out, message.error.message);
  put_text(out, message.error.hint);
  return out;
}

Result<Message> decode(std::string_view bytes) {
  if (bytes.empty() || static_cast<unsigned char>(bytes[0]) >= static_cast<unsigned char>(MessageKind::count_))
    return fail("unknown message between launcher and init");
  Message message;
  message.kind = static_cast<MessageKind>(bytes[0]);
  Reader reader{bytes.substr(1)};
  message.number = reader.number();
  message.text = reader.content();
  message.error.code = reader.number();
  message.error.status = reader.number();
  message.error.message = reader.content();
  message.error.hint = reader.content();
  if (reader.broken || !reader.rest.empty()) return fail("damaged message between launcher and init");
  return message;
}

Result<> send(const sys::Fd& channel, const Message& message) {
  return sys::send_message(channel, encode(message), message.attached.valid() ? &message.attached : nullptr);
}

Result<std::optional<Message>> receive(const sys::Fd& channel) {
  std::optional<sys::Message> received = TRY(sys::receive_message(channel));
  if (!received) return std::optional<Message>{};
  Message message = TRY(decode(received->content));
  message.attached = std::move(received->attached);
  return std::optional<Message>(std::move(message));
}

}  // namespace supervise
