// What an engine reads it also has to be refused when forged: what is not known here is not guessed at.
#include "store/marks.h"

#include <array>

namespace store {

namespace {

constexpr std::string_view kernel_prefix = "user.overlay.", escaped_prefix = "user.overlay.overlay.",
                           fuse_prefix = "user.fuseoverlayfs.";
constexpr std::array<std::string_view, 6> book_keeping{"origin", "impure", "nlink", "protattr", "upper", "uuid"};

Mark mark_of_own(std::string_view name) {
  if (name == "opaque") return Mark::opaque;
  if (name == "whiteout") return Mark::whiteout;
  for (const std::string_view known : book_keeping)
    if (known == name) return Mark::ours;
  return Mark::refused;  // metacopy, redirect, and what a later kernel may add
}

}  // namespace

AttributeMark mark_of(Engine engine, std::string_view attribute) {
  if (engine == Engine::kernel && attribute.starts_with(escaped_prefix))
    return {Mark::refused, text(kernel_prefix, attribute.substr(escaped_prefix.size()))};
  if (attribute.starts_with(kernel_prefix)) return {mark_of_own(attribute.substr(kernel_prefix.size())), {}};
  if (engine == Engine::fuse && attribute.starts_with(fuse_prefix)) return {mark_of_own(attribute.substr(fuse_prefix.size())), {}};
  const bool kept = attribute.starts_with("user.") || attribute == "security.capability" || attribute.starts_with("system.posix_acl_");
  return kept ? AttributeMark{Mark::none, std::string(attribute)} : AttributeMark{Mark::skipped, {}};
}

std::string stored_name(Engine engine, std::string_view attribute) {
  if (engine == Engine::kernel && attribute.starts_with(kernel_prefix)) return text(escaped_prefix, attribute.substr(kernel_prefix.size()));
  return std::string(attribute);
}

NamedMark mark_of_name(Engine engine, std::string_view name) {
  constexpr std::string_view prefix = ".wh.";
  if (engine != Engine::fuse || !name.starts_with(prefix)) return {};
  if (name == opaque_name) return {NameMark::opaque, {}};
  const std::string_view rest = name.substr(prefix.size());
  if (rest.starts_with(prefix)) return {NameMark::ours, {}};
  const bool is_name = !rest.empty() && rest != "." && rest != "..";
  return is_name ? NamedMark{NameMark::whiteout, rest} : NamedMark{NameMark::ours, {}};
}

bool is_made_by_engine(const sys::Entry& entry) { return entry.whiteout || (entry.type == sys::EntryType::file && entry.size == 0); }

}  // namespace store
