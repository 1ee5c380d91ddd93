// What other sbx processes of the user ask of a running sandbox, over its `control` socket (see state.h). The launcher's
// monitor answers: it alone acts on the sandbox, so nobody acts on a process id or a group that was given away anew.
//
//   client                     launcher
//   Request             ──►    one message
//                       ◄──    Reply: done, with what was asked for, or the error
//
// The connection stays open where the client wants to know of the end: the launcher closes it by ending, after the name
// is free again. An exec's connection goes to the attendant, which speaks the handshake's protocol; it gets no reply but
// a refusal, which is the handshake's `failed`.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supervise {

enum class RequestKind : unsigned char { stop, signal, pause, resume, update, exec, join, hosts, count_ };

struct Request {
  RequestKind kind{};
  int number = 0;                  // stop: from TERM to KILL in milliseconds, -1: as the sandbox was started with; signal: which;
                                   // join: the kinds of namespaces, a bit each
  std::vector<std::string> words;  // update: FILE VALUE "required"|"welcome" …, of the control group; exec: see exec_request.h; join: see pod.h
  std::vector<sys::Fd> attached;   // exec: see exec_request.h
};

struct Reply {
  std::optional<Error> error;      // none: done
  std::vector<std::string> words;
  std::vector<sys::Fd> attached;
};

Result<> send(const sys::Fd& connection, const Request& request);
Result<> send(const sys::Fd& connection, const Reply& reply);
// nullopt: the other side is gone.
Result<std::optional<Request>> receive_request(const sys::Fd& connection);
Result<std::optional<Reply>> receive_reply(const sys::Fd& connection);
// The client's turn where no reply is waited for, or one that is read elsewhere. That the sandbox is gone is no error
// here: a refusal may be there to be read.
Result<> hand_over(const sys::Fd& connection, const Request& request);
// The client's turn: what was asked for; the reply's error, or that of a launcher that is gone.
Result<Reply> ask(const sys::Fd& connection, const Request& request);

// The wire form, without the descriptors; pure, for the tests. At most 16 KiB go in one message.
std::string encode(const Request& request);
std::string encode(const Reply& reply);
Result<Request> decode_request(std::string_view bytes);
Result<Reply> decode_reply(std::string_view bytes);

}  // namespace supervise
