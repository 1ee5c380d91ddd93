// Result, TRY and the tables of enum names.
#include "base/enum_names.h"
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace {

enum class Colour { red, green, blue };
constexpr EnumNames<Colour, 3> colour_names{{"red", "green", "blue"}};
static_assert(colour_names.complete());
static_assert(!EnumNames<Colour, 3>{{"red", "green"}}.complete());

Result<int> halve(int value) {
  if (value % 2 != 0) return fail("cannot halve ", value);
  return value / 2;
}

Result<> halve_twice(int value, int& out) {
  const int once = TRY(halve(value));
  out = TRY(halve(once));
  return {};
}

Result<std::unique_ptr<int>> boxed(int value) { return std::make_unique<int>(TRY(halve(value))); }

}  // namespace

TEST(ResultTest, TryGivesTheValueOrReturnsTheError) {
  int out = 0;
  EXPECT_TRUE(halve_twice(12, out));
  EXPECT_EQ(out, 3);
  const auto refused = halve_twice(6, out);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "cannot halve 3");
  EXPECT_EQ(out, 3);
}

TEST(ResultTest, TryMovesWhatCannotBeCopied) {
  const auto box = [](int value) -> Result<int> { return *TRY(boxed(value)); };
  EXPECT_EQ(*box(8), 4);
  EXPECT_FALSE(box(7));
}

TEST(ResultTest, ARefusalOfOurOwnIsStatus125WithoutErrno) {
  const Error error = fail_hint("use another", "profile ", "x", " not found").error();
  EXPECT_EQ(error.code, 0);
  EXPECT_EQ(error.status, 125);
  EXPECT_EQ(error.message, "profile x not found");
  EXPECT_EQ(error.hint, "use another");
  EXPECT_EQ(Error{error}.with_hint("none").hint, "none");
}

TEST(EnumNames, ParsesItsNames) {
  for (const Colour colour : {Colour::red, Colour::green, Colour::blue})
    EXPECT_EQ(*colour_names.parse(colour_names[colour], "colour"), colour);
}

TEST(EnumNames, RefusesOthersByName) {
  EXPECT_EQ(colour_names.parse("re\nd", "colour").error().message,
            "colour is not one of red, green, blue: 're\\nd'");
  EXPECT_FALSE(colour_names.parse("", "colour"));
  EXPECT_FALSE(colour_names.parse("Red", "colour"));
}
