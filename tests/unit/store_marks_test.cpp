// The engines' marks: book-keeping, opaque directories and whiteouts are told from what the sandbox wrote, and what
// would lead elsewhere is refused.
#include "store/marks.h"

#include <gtest/gtest.h>

namespace store {
namespace {

Mark mark(Engine engine, std::string_view name) { return mark_of(engine, name).mark; }

TEST(StoreMarks, TheKernels) {
  for (const char* name : {"origin", "impure", "nlink", "protattr", "upper", "uuid"}) EXPECT_EQ(mark(Engine::kernel, text("user.overlay.", name)), Mark::ours) << name;
  EXPECT_EQ(mark(Engine::kernel, "user.overlay.opaque"), Mark::opaque);
  EXPECT_EQ(mark(Engine::kernel, "user.overlay.whiteout"), Mark::whiteout);
  for (const char* name : {"metacopy", "redirect", "", "of-a-later-kernel"}) EXPECT_EQ(mark(Engine::kernel, text("user.overlay.", name)), Mark::refused) << name;
}

TEST(StoreMarks, WhatTheSandboxCalledSoIsNotForTheHost) {
  const AttributeMark found = mark_of(Engine::kernel, "user.overlay.overlay.opaque");
  EXPECT_EQ(found.mark, Mark::refused);
  EXPECT_EQ(found.name, "user.overlay.opaque");
  EXPECT_EQ(stored_name(Engine::kernel, "user.overlay.opaque"), "user.overlay.overlay.opaque");
  EXPECT_EQ(stored_name(Engine::kernel, "user.k"), "user.k");
}

TEST(StoreMarks, OfFuseOverlayfs) {
  EXPECT_EQ(mark(Engine::fuse, "user.fuseoverlayfs.opaque"), Mark::opaque);
  EXPECT_EQ(mark(Engine::fuse, "user.fuseoverlayfs.origin"), Mark::ours);
  EXPECT_EQ(mark(Engine::fuse, "user.fuseoverlayfs.redirect"), Mark::refused);
  EXPECT_EQ(mark(Engine::kernel, "user.fuseoverlayfs.opaque"), Mark::none);
  EXPECT_EQ(mark_of_name(Engine::fuse, ".wh..wh..opq").mark, NameMark::opaque);
  EXPECT_EQ(mark_of_name(Engine::fuse, ".wh.gone").name, "gone");
  for (const char* name : {".wh.", ".wh..", ".wh...", ".wh..wh.plnk"}) EXPECT_EQ(mark_of_name(Engine::fuse, name).mark, NameMark::ours) << name;
  EXPECT_EQ(mark_of_name(Engine::kernel, ".wh.gone").mark, NameMark::none);
}

TEST(StoreMarks, Others) {
  for (const char* name : {"user.k", "security.capability", "system.posix_acl_access"}) EXPECT_EQ(mark(Engine::kernel, name), Mark::none) << name;
  for (const char* name : {"security.selinux", "trusted.overlay.opaque", "system.nfs4_acl"}) EXPECT_EQ(mark(Engine::kernel, name), Mark::skipped) << name;
}

}  // namespace
}  // namespace store
