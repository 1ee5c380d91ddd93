// Encoding of a request: the kind, the number, the texts. Of a reply: a zero and its texts, or the handshake's `failed`.
#include "supervise/control.h"

#include "supervise/handshake.h"
#include "supervise/wire.h"
#include "sys/socket.h"

namespace supervise {

namespace {

// A count below zero would encode to another form.
bool is_whole(const WireReader& reader, std::string_view again, std::string_view bytes) {
  return !reader.broken && reader.rest.empty() && again == bytes;
}

std::vector<sys::Fd> all_of(sys::Message& message) {
  std::vector<sys::Fd> out;
  if (message.attached.valid()) out.push_back(std::move(message.attached));
  for (sys::Fd& each : message.further) out.push_back(std::move(each));
  return out;
}

}  // namespace

std::string encode(const Request& request) {
  std::string out(1, static_cast<char>(request.kind));
  put_number(out, request.number);
  put_texts(out, request.words);
  return out;
}

std::string encode(const Reply& reply) {
  if (reply.error) return encode(Message{.kind = MessageKind::failed, .number = 0, .text = {}, .error = *reply.error, .attached = {}});
  std::string out(1, '\0');
  put_texts(out, reply.words);
  return out;
}

Result<Request> decode_request(std::string_view bytes) {
  if (bytes.empty() || static_cast<unsigned char>(bytes[0]) >= static_cast<unsigned char>(RequestKind::count_))
    return fail("unknown request");
  Request request;
  request.kind = static_cast<RequestKind>(bytes[0]);
  WireReader reader{bytes.substr(1)};
  request.number = reader.number();
  request.words = reader.contents();
  if (!is_whole(reader, encode(request), bytes)) return fail("damaged request");
  return request;
}

Result<Reply> decode_reply(std::string_view bytes) {
  Reply reply;
  if (!bytes.empty() && bytes[0] != '\0') {
    Result<Message> refusal = decode(bytes);
    if (refusal) reply.error = std::move(refusal->error);
    return refusal && encode(reply) == bytes ? Result<Reply>(std::move(reply)) : fail("damaged reply");
  }
  WireReader reader{bytes.substr(bytes.empty() ? 0 : 1)};
  reply.words = reader.contents();
  if (!is_whole(reader, encode(reply), bytes)) return fail("damaged reply");
  return reply;
}

Result<> send(const sys::Fd& connection, const Request& request) {
  return sys::send_message(connection, encode(request), request.attached);
}

Result<> send(const sys::Fd& connection, const Reply& reply) {
  return sys::send_message(connection, encode(reply), reply.attached);
}

Result<std::optional<Request>> receive_request(const sys::Fd& connection) {
  std::optional<sys::Message> message = TRY(sys::receive_message(connection));
  if (!message) return std::optional<Request>{};
  Request request = TRY(decode_request(message->content));
  request.attached = all_of(*message);
  return std::optional(std::move(request));
}

Result<std::optional<Reply>> receive_reply(const sys::Fd& connection) {
  std::optional<sys::Message> message = TRY(sys::receive_message(connection));
  if (!message) return std::optional<Reply>{};
  Reply reply = TRY(decode_reply(message->content));
  reply.attached = all_of(*message);
  return std::optional(std::move(reply));
}

Result<> hand_over(const sys::Fd& connection, const Request& request) {
  return sys::unless_gone(send(connection, request));
}

Result<Reply> ask(const sys::Fd& connection, const Request& request) {
  TRY(hand_over(connection, request));
  std::optional<Reply> reply = TRY(receive_reply(connection));
  if (!reply) return fail("the sandbox ended meanwhile");
  if (reply->error) return std::unexpected<Error>(*std::move(reply->error));
  return *std::move(reply);
}

}  // namespace supervise
