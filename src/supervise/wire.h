// The wire form of what launcher, init and the user's other sbx processes say to each other: numbers and
// length-prefixed texts. All sides are the same program on the same machine, but what comes from one may be damaged.
#pragma once

#include "base/result.h"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace supervise {

inline void put_number(std::string& out, int number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof bytes);
}

inline void put_text(std::string& out, std::string_view content) {
  put_number(out, static_cast<int>(content.size()));
  out += content;
}

inline void put_texts(std::string& out, const std::vector<std::string>& list) {
  put_number(out, static_cast<int>(list.size()));
  for (const std::string& each : list) put_text(out, each);
}

inline void put_error(std::string& out, const Error& error) {
  put_number(out, error.code);
  put_number(out, error.status);
  put_text(out, error.message);
  put_text(out, error.hint);
}

struct WireReader {
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
  Error error() {
    Error read;
    read.code = number();
    read.status = number();
    read.message = content();
    read.hint = content();
    return read;
  }
  std::vector<std::string> contents() {
    std::vector<std::string> list;
    for (int left = number(); left > 0 && !broken; --left) list.push_back(content());
    return list;
  }
};

}  // namespace supervise
