// The seeds of the fuzz targets, each given to its target once: without clang, they are part of the suite.
#include "targets.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace fs = std::filesystem;

// An X(name) for each tests/fuzz/NAME.cpp, whose function of libFuzzer is called fuzz_NAME here.
#define DECLARE(name) extern "C" int fuzz_##name(const std::uint8_t* bytes, std::size_t size);
SBX_FUZZ_TARGETS(DECLARE)

namespace {

struct Target { const char* name; int (*run)(const std::uint8_t*, std::size_t); };
#define LIST(name) Target{#name, fuzz_##name},
const std::vector<Target> targets{SBX_FUZZ_TARGETS(LIST)};
void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

class FuzzSeeds : public testing::TestWithParam<Target> {};

}  // namespace

TEST_P(FuzzSeeds, Hold) {
  const auto run = [](const std::vector<char>& bytes) {
    GetParam().run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  };
  run({});
  const fs::path seeds = fs::path(SBX_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam().name;
  if (!fs::exists(seeds)) return;  // base
  for (const auto& each : fs::directory_iterator(seeds)) {
    SCOPED_TRACE(each.path());
    std::ifstream file(each.path(), std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    run(bytes);
    while (!bytes.empty()) bytes.resize(bytes.size() / 2), run(bytes);  // cut off, too
  }
}

INSTANTIATE_TEST_SUITE_P(, FuzzSeeds, testing::ValuesIn(targets), [](const auto& each) { return std::string(each.param.name); });
