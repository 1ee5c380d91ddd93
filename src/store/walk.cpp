// An entry is looked at by name without following it, and a file is opened only when the look said that it is one.
#include "store/walk.h"

#include "base/path.h"
#include "sys/file.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>

namespace store {

Result<Marked> read_marks(Engine engine, const sys::Fd& dir, const std::string& name, const std::string& shown) {
  Marked out;
  for (sys::Attribute& each : TRY(sys::attributes_at(dir, name, shown))) {
    AttributeMark found = mark_of(engine, each.name);
    switch (found.mark) {
      case Mark::none: out.attributes.push_back({std::move(found.name), std::move(each.value)}); break;
      case Mark::opaque: out.opaque |= each.value == "y", out.attribute_whiteouts |= each.value == "x"; break;
      case Mark::whiteout: out.whiteout = true; break;
      case Mark::refused: out.refused = text("it has the attribute ", printable(found.name.empty() ? each.name : found.name)); break;
      case Mark::ours: out.copied_up |= each.name.ends_with(".origin"); break;
      case Mark::skipped: break;
    }
  }
  std::ranges::sort(out.attributes, {}, &sys::Attribute::name);
  return out;
}

Result<std::vector<sys::Attribute>> plain_attributes(const sys::Fd& dir, const std::string& name, const std::string& shown) {
  std::vector<sys::Attribute> out;
  for (sys::Attribute& each : TRY(sys::attributes_at(dir, name, shown))) {
    const Mark mark = mark_of(Engine::kernel, each.name).mark;
    if (mark == Mark::none) out.push_back(std::move(each));
  }
  return out;
}

Result<Level> read_level(Engine engine, const sys::Fd& upper, bool attribute_whiteouts, const std::string& shown) {
  Level out;
  for (std::string& name : TRY(sys::list_directory(upper, shown))) {
    const NamedMark named = mark_of_name(engine, name);
    if (named.mark == NameMark::ours) continue;
    const std::string path = path::join(shown, name);
    const auto entry = TRY(sys::entry_at(upper, name, path));
    if (!entry) continue;
    if (named.mark != NameMark::none && is_made_by_engine(*entry)) {
      if (named.mark == NameMark::opaque) out.opaque = true;
      else out.whiteouts.emplace_back(named.name);
      continue;
    }
    const bool maybe = attribute_whiteouts && entry->type == sys::EntryType::file && entry->size == 0;
    const bool absent = entry->whiteout || (maybe && TRY(read_marks(engine, upper, name, path)).whiteout);
    (absent ? out.whiteouts : out.names).push_back(std::move(name));
  }
  // A name that is there counts, whatever else is said of it.
  std::ranges::sort(out.whiteouts);
  std::erase_if(out.whiteouts, [&](const std::string& name) { return std::ranges::binary_search(out.names, name); });
  return out;
}

Result<bool> same_content(const sys::Fd& upper, const sys::Fd& lower, const std::string& name, const std::string& shown) {
  const sys::Fd one = TRY(sys::open_entry(upper, name, O_RDONLY, shown));
  const sys::Fd other = TRY(sys::open_entry(lower, name, O_RDONLY, shown));
  const sys::Entry first = TRY(sys::entry_of(one, shown)), second = TRY(sys::entry_of(other, shown));
  if (first.type != sys::EntryType::file || second.type != sys::EntryType::file || first.size != second.size) return false;
  std::array<char, 32 << 10> a, b;
  while (true) {
    const std::size_t got = TRY(sys::read_block(one, a.data(), a.size(), shown));
    const std::size_t also = TRY(sys::read_block(other, b.data(), b.size(), shown));
    if (got != also || !std::equal(a.begin(), a.begin() + got, b.begin())) return false;
    if (got == 0) return true;
  }
}

bool is_privileged(const sys::Entry& entry, const std::vector<sys::Attribute>& attributes) {
  const bool bits = entry.type != sys::EntryType::directory && (entry.mode & (S_ISUID | S_ISGID)) != 0;
  const bool directory_bit = entry.type == sys::EntryType::directory && (entry.mode & S_ISUID) != 0;
  return bits || directory_bit || std::ranges::any_of(attributes, [](const auto& each) { return each.name == "security.capability"; });
}

}  // namespace store
