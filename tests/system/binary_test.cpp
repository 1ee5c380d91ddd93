// What is shipped: one static, position-independent, stripped file of at most 3 MiB, hardened by the linker.
#include "harness/surroundings.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <sstream>
#include <sys/stat.h>

using namespace harness;

namespace {

class BinaryTest : public testing::Test {
 protected:
  void SetUp() override {
#ifdef SBX_SANITIZE
    GTEST_SKIP() << "a sanitizer build is neither static nor small";
#endif
    file_ = read_file(sbx_binary());
    ASSERT_GT(file_.size(), sizeof header_);
    std::memcpy(&header_, file_.data(), sizeof header_);
    ASSERT_EQ(std::memcmp(header_.e_ident, ELFMAG, SELFMAG), 0);
  }

  template <class Entry>
  std::vector<Entry> entries(std::uint64_t offset, std::uint64_t count) const {
    std::vector<Entry> out(count);
    std::memcpy(out.data(), file_.data() + offset, count * sizeof(Entry));
    return out;
  }
  std::vector<Elf64_Phdr> segments(std::uint32_t type) const {
    auto all = entries<Elf64_Phdr>(header_.e_phoff, header_.e_phnum);
    std::erase_if(all, [&](const Elf64_Phdr& segment) { return segment.p_type != type; });
    return all;
  }
  // The values of one tag of the dynamic section.
  std::vector<std::uint64_t> dynamic(std::int64_t tag) const {
    std::vector<std::uint64_t> values;
    for (const Elf64_Phdr& segment : segments(PT_DYNAMIC))
      for (const auto& entry : entries<Elf64_Dyn>(segment.p_offset, segment.p_filesz / sizeof(Elf64_Dyn)))
        if (entry.d_tag == tag) values.push_back(entry.d_un.d_val);
    return values;
  }
  bool has_flag(std::int64_t tag, std::uint64_t flag) const {
    const auto values = dynamic(tag);
    return !values.empty() && (values[0] & flag) != 0;
  }

  std::string file_;
  Elf64_Ehdr header_{};
};

TEST_F(BinaryTest, IsAtMostThreeMebibytes) { EXPECT_LE(file_.size(), 3U << 20); }

TEST_F(BinaryTest, IsStatic) {
  EXPECT_TRUE(segments(PT_INTERP).empty());
  EXPECT_TRUE(dynamic(DT_NEEDED).empty());
  const Outcome ldd = run({.argv = {"ldd", sbx_binary()}});
  EXPECT_NE((ldd.out + ldd.err).find("statically linked"), std::string::npos) << ldd.out << ldd.err;
}

TEST_F(BinaryTest, IsPositionIndependent) {
  EXPECT_EQ(header_.e_type, ET_DYN);
  EXPECT_TRUE(has_flag(DT_FLAGS_1, DF_1_PIE));
  EXPECT_TRUE(dynamic(DT_TEXTREL).empty());
}

TEST_F(BinaryTest, IsReadOnlyAfterRelocation) {
  EXPECT_EQ(segments(PT_GNU_RELRO).size(), 1U);
  EXPECT_TRUE(has_flag(DT_FLAGS_1, DF_1_NOW) || has_flag(DT_FLAGS, DF_BIND_NOW));
}

// Not only marked so: the program's own start sees to it. It waits for its input here, before it makes itself undumpable.
TEST_F(BinaryTest, RelocatedDataIsMappedReadOnly) {
  Process waits(sbx({"--profile", "base", "--env-file", "/dev/stdin", "--", "true"}));
  const auto protection = [&]() -> std::string {
    std::uint64_t base = 0, relocated = 0;
    std::istringstream maps(read_file("/proc/" + std::to_string(waits.pid()) + "/maps"));
    for (std::string line; std::getline(maps, line);) {
      const std::uint64_t first = std::stoull(line, nullptr, 16), end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
      if (base == 0 && line.ends_with("/sbx")) base = first, relocated = base + segments(PT_GNU_RELRO)[0].p_vaddr;
      if (base != 0 && first <= relocated && relocated < end) return line.substr(line.find(' ') + 1, 4);
    }
    return {};
  };
  EXPECT_TRUE(eventually([&] { return protection() == "r--p"; })) << protection();
  waits.close_input();
  EXPECT_EQ(waits.finish().status, 0);
}

TEST_F(BinaryTest, HasNoSegmentBothWritableAndExecutable) {
  const auto stack = segments(PT_GNU_STACK);
  ASSERT_EQ(stack.size(), 1U);
  EXPECT_EQ(stack[0].p_flags & PF_X, 0U);
  for (const Elf64_Phdr& segment : segments(PT_LOAD))
    EXPECT_NE(segment.p_flags & (PF_W | PF_X), static_cast<unsigned>(PF_W | PF_X));
}

// Where the kernel refuses memory that is written and run (PR_SET_MDWE(2const)), helpers are started all the same.
TEST_F(BinaryTest, NeedsNoMemoryBothWritableAndExecutable) {
  SKIP_IF(no_id_range());
  Command command = sbx({"--profile", "base", "--userns", "range", "--", "true"});
  const Words refuse{"python3", "-c", "import ctypes, os, sys\nctypes.CDLL(None).prctl(65, 1, 0, 0, 0)\nos.execv(sys.argv[1], sys.argv[1:])"};
  command.argv.insert(command.argv.begin(), refuse.begin(), refuse.end());
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST_F(BinaryTest, IsStripped) {
  for (const auto& section : entries<Elf64_Shdr>(header_.e_shoff, header_.e_shnum))
    EXPECT_NE(section.sh_type, static_cast<unsigned>(SHT_SYMTAB));
}

TEST_F(BinaryTest, CarriesNoFailpoint) {
  EXPECT_EQ(file_.find("SBX_FAIL"), std::string::npos);
  EXPECT_NE(read_file(sbx_failpoints_binary()).find("SBX_FAIL"), std::string::npos);
}

TEST_F(BinaryTest, HasNoPrivilegeOfItsOwn) {
  struct stat facts {};
  ASSERT_EQ(::stat(sbx_binary().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & (S_ISUID | S_ISGID), 0U);
}

}  // namespace
