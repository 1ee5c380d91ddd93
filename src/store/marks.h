// The marks that the overlay engines leave in an upper (Documentation/filesystems/overlayfs.rst, fuse-overlayfs(1)), told
// apart from what a sandbox wrote: attributes of the engine, attributes stored escaped, names that are whiteouts. Pure.
#pragma once

#include "store/origin.h"
#include "sys/entry.h"

#include <optional>
#include <string>
#include <string_view>

namespace store {

enum class Mark {
  none,      // the sandbox's own attribute, kept
  ours,      // the engine's book-keeping, of no meaning for what the files are
  opaque,    // nothing of the lower directory shows; of value "x": whiteouts may be attributes
  whiteout,  // a file of no size that stands for "not here", where the directory's opaque is "x"
  refused,   // leads to content elsewhere, or is not known: what the file is cannot be told from the upper. Or the sandbox's
             // own, stored escaped: on the host it would be a mark to whatever overlays that directory next
  skipped    // not a sandbox's to keep: labels of security modules, of the file system
};

struct AttributeMark {
  Mark mark = Mark::none;
  std::string name;  // of none and of what was escaped: as the sandbox sees it
};
AttributeMark mark_of(Engine engine, std::string_view attribute);
// As the engine stores an attribute of the sandbox.
std::string stored_name(Engine engine, std::string_view attribute);

// Names that are marks, which only fuse-overlayfs makes: ".wh..wh..opq" and ".wh.NAME".
inline constexpr std::string_view opaque_name = ".wh..wh..opq";
enum class NameMark { none, opaque, whiteout, ours };
struct NamedMark {
  NameMark mark = NameMark::none;
  std::string_view name;  // of whiteout: what is not there
};
NamedMark mark_of_name(Engine engine, std::string_view name);
// Whether the engine made what stands under such a name: anything else a sandbox put there itself.
bool is_made_by_engine(const sys::Entry& entry);

}  // namespace store
