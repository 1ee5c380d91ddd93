// The names in here are those of launch/overlays.cpp and store/.
#include "supervise/changes.h"

#include "base/path.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/tree.h"

#include <cerrno>
#include <fcntl.h>

namespace supervise {

namespace {

constexpr const char* kept = "changes";
constexpr const char* thrown = "thrown";

Result<std::optional<sys::Fd>> open_kept(const sys::Fd& directory, const std::string& place) {
  return sys::open_at_if_exists(directory, kept, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, place);
}

// What cannot be looked at belongs to a subordinate id, and so was written to.
Result<bool> is_unchanged(const sys::Fd& all, const std::string& number, const std::string& place) {
  const auto upper = sys::open_at_if_exists(all, number + "/upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, place);
  if (!upper && upper.error().code == EACCES) return false;
  if (!upper) return std::unexpected<Error>(upper.error());
  return !*upper || TRY(sys::list_directory(**upper, place)).empty();
}

Result<> with_hint(Result<> done) {
  if (!done && done.error().hint.empty()) done.error().hint = "files of subordinate ids are yours again after sbx chown-back DIRECTORY";
  return done;
}

}  // namespace

Result<bool> keeps_changes(const sys::Fd& directory, const std::string& place) {
  const std::optional<sys::Fd> all = TRY(open_kept(directory, place));
  return all && !TRY(sys::list_directory(*all, place)).empty();
}

Result<> check_no_commit_is_open(const sys::Fd& directory, const std::string& place) {
  const std::optional<sys::Fd> all = TRY(open_kept(directory, place));
  if (!all) return {};
  const std::string name(path::base_name(place));
  for (const std::string& number : TRY(sys::list_directory(*all, place))) {
    const sys::Fd one = TRY(sys::open_at(*all, number, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (TRY(sys::entry_at(one, "journal", place)))
      return fail_hint(text("sbx commit ", name, " carries it on, and sbx discard ", name, " drops what is left of it"),
                       "a commit of the changes of '", name, "' was interrupted");
  }
  return {};
}

Result<> forget_unchanged(const sys::Fd& directory, const std::string& place) {
  const std::optional<sys::Fd> all = TRY(open_kept(directory, place));
  if (!all) return {};
  bool left = false;
  for (const std::string& number : TRY(sys::list_directory(*all, place))) {
    if (TRY(is_unchanged(*all, number, place))) TRY(with_hint(sys::remove_tree_at(*all, number, place)));
    else left = true;
  }
  return left ? Result<>{} : sys::remove_directory_at(directory, kept, place);
}

Result<> remove_thrown(const sys::Fd& directory, const std::string& place) { return with_hint(sys::remove_tree_at(directory, thrown, place)); }

}  // namespace supervise
