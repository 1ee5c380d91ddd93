// Small files of text, one "key value" per line: what is kept beside a named sandbox. In a value \ and line ends are
// escaped, so that any path fits in a line and the file can be read with the eye.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

void append_key_line(std::string& out, std::string_view key, std::string_view value);

// One value as it stands in its line; parse: what was escaped.
std::string escape_value(std::string_view value);
std::string parse_value(std::string_view escaped);

// The first line of `rest`, which is taken off it. `what` names the file in the error: "record".
struct KeyLine { std::string_view key, escaped; };
Result<KeyLine> take_key_line(std::string_view& rest, std::string_view what);
