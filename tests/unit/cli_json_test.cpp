// JSON that is printed: a name in it must not act on a terminal.
#include "cli/json.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

TEST(CliJson, ControlCharactersOfEitherSetAreEscaped) {
  store::Change change;
  change.path = "a\x1b" "b\x7f" "c\u009b" "d\u0080\u00a0\u00e9";
  change.kind = store::ChangeKind::added;
  const std::string json = changes_json({{"/d", change, ""}});
  EXPECT_NE(json.find("\"a\\u001bb\\u007fc\\u009bd\\u0080\u00a0\u00e9\""), std::string::npos) << json;
}

}  // namespace
}  // namespace cli
