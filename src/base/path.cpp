// Lexical path arithmetic.
#include "base/path.h"

#include <algorithm>

namespace path {

std::vector<std::string> components(std::string_view in) {
  std::vector<std::string> parts;
  for (std::string& part : split(in, '/'))
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  return parts;
}

namespace {

// Most paths are normal already, and a launch asks of hundreds.
bool is_normal(std::string_view in) {
  if (!in.starts_with('/')) return false;
  if (in == "/") return true;
  for (std::size_t at = 0; at < in.size();) {
    const std::size_t end = std::min(in.find('/', at + 1), in.size());
    const std::string_view part = in.substr(at + 1, end - at - 1);
    if (part.empty() || part == "." || part == "..") return false;
    at = end;
  }
  return true;
}

}  // namespace

std::string normalise(std::string_view in) {
  if (is_normal(in)) return std::string(in);
  std::vector<std::string> kept;
  for (std::string& part : components(in)) {
    if (part != "..") kept.push_back(std::move(part));
    else if (!kept.empty()) kept.pop_back();
  }
  return "/" + ::join(kept, "/");
}

std::string join(std::string_view dir, std::string_view name) {
  if (name.starts_with('/')) return std::string(name);
  std::string out(dir);
  if (!out.ends_with('/')) out += '/';
  return out += name;
}

std::string parent(std::string_view in) {
  const std::size_t slash = in.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(in.substr(0, slash));
}

std::string_view base_name(std::string_view in) {
  const std::size_t slash = in.rfind('/');
  return slash == std::string_view::npos ? in : in.substr(slash + 1);
}

bool is_below(std::string_view in, std::string_view dir) {
  if (dir == "/") return in.size() > 1;
  return in.size() > dir.size() + 1 && in.starts_with(dir) && in[dir.size()] == '/';
}

bool is_at_or_below(std::string_view in, std::string_view dir) { return in == dir || is_below(in, dir); }

Result<std::vector<std::string>> split_colons(std::string_view in) {
  std::vector<std::string> parts(1);
  for (std::size_t at = 0; at < in.size(); ++at) {
    if (in[at] == '\\' && at + 1 < in.size() && (in[at + 1] == ':' || in[at + 1] == '\\')) parts.back() += in[++at];
    else if (in[at] == ':') parts.emplace_back();
    else parts.back() += in[at];
  }
  for (const std::string& part : parts)
    if (part.empty()) return fail_hint("write a colon inside a name as \\:", "'", printable(in), "' has an empty part");
  return parts;
}

}  // namespace path
