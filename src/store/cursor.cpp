// Each step is one component of its own, checked by the kernel.
#include "store/cursor.h"

#include "base/path.h"
#include "sys/entry.h"

#include <fcntl.h>

namespace store {

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string name_of(std::string_view path) { return std::string(path::base_name(path)); }

Result<const sys::Fd*> Cursor::at(std::string_view directory) {
  const std::vector<std::string> wanted = path::components(directory);
  std::size_t same = 0;
  while (same < wanted.size() && same < names_.size() && names_[same] == wanted[same]) ++same;
  names_.resize(same);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(same), open_.end());
  for (; same < wanted.size(); ++same) {
    const sys::Fd& from = open_.empty() ? *root_ : open_.back();
    open_.push_back(TRY(sys::open_entry(from, wanted[same], O_RDONLY | O_DIRECTORY, path::join(shown_, directory))));
    names_.push_back(wanted[same]);
  }
  return open_.empty() ? root_ : &open_.back();
}

}  // namespace store
