// A stream to a local service (unix(7), SOCK_STREAM).
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <string>
#include <string_view>

namespace sys {

Result<Fd> connect_stream(const std::string& path);               // "@name": an abstract one
Result<> send_all(const Fd& to, std::string_view content);        // no SIGPIPE
Result<std::string> receive_some(const Fd& from);                 // empty: the other side is gone

}  // namespace sys
