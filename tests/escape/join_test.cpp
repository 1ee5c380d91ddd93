// sbx --join a sandbox whose payload waits for who comes, and which shares its user namespace with them.
#include "escape.h"

#include <signal.h>
#include <sys/stat.h>

using namespace escape;

namespace {

struct Kind { std::string name, profile; Words options; };
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class JoinedAmbush : public EscapeTest, public testing::WithParamInterface<Kind> {
 protected:
  Command in_state(Command command) const {
    command.cwd = dir.path(), command.environment = {"XDG_STATE_HOME=" + (dir / "state")};
    return command;
  }
};

}  // namespace

// Even with the rights of root in the user namespace they share: nothing of those who join comes into sight.
TEST_P(JoinedAmbush, SeesNobodyWhoJoins) {
  const Kind& kind = GetParam();
  if (kind.profile == "container") SKIP_IF(no_id_range());
  struct stat own {};
  ASSERT_EQ(::stat(sbx_binary().c_str(), &own), 0);
  Process box(in_state(sbx(sandbox(kind.profile, Words{"--name", "web"} + kind.options) + Words{"ambush", "2", std::to_string(own.st_ino)})));
  ASSERT_TRUE(box.wait_for("ready now\n")) << box.finish().err;
  int joined = 0;
  bool done = false;
  while (!(done = box.wait_for("done now\n", 1ms))) {
    const Words same = kind.profile == "container" ? Words{"--user", "root"} : Words{};
    const Outcome outcome = run(in_state(sbx(Words{"--ro", payload("attack") + ":/attack", "--join", "web"} + same + Words{"--", "/attack", "arguments"})));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    if (outcome.status != 0) break;
    ++joined;
  }
  EXPECT_TRUE(done || box.wait_for("done now\n")) << box.out();
  EXPECT_GT(joined, 0);
  Outcome said;
  said.out = box.out();
  EXPECT_EQ(value_of(said, "caught"), "0") << said.out;
  box.kill(SIGTERM);
  box.finish();
}

INSTANTIATE_TEST_SUITE_P(, JoinedAmbush,
                         testing::Values(Kind{"Base", "base", {}}, Kind{"NoFilter", "base", {"--set", "seccomp.default=off"}},
                                         Kind{"Tracer", "container", {"--set", "seccomp.default=off", "--cap-add", "SYS_PTRACE"}}),
                         [](const auto& each) { return each.param.name; });

// And the other way round: who joins sees nobody of those who were there.
TEST_F(EscapeTest, WhoJoinsSeesNobody) {
  const auto in_state = [&](Command command) {
    command.cwd = dir.path(), command.environment = {"XDG_STATE_HOME=" + (dir / "state")};
    return command;
  };
  Process box(in_state(sbx({"--name", "web", "--", "sh", "-c", "echo up; exec sleep 60"})));
  ASSERT_TRUE(box.wait_for("up\n")) << box.finish().err;
  const Outcome others = run(in_state(sbx(sandbox("base", {"--join", "web", "--set", "seccomp.default=off"}) + Words{"others", "2000"})));
  const Outcome alone = attack("base", {"others", "2000"}, {"--set", "seccomp.default=off"});
  EXPECT_EQ(value_of(others, "answering"), value_of(alone, "answering")) << all(others);
  const Outcome killed = run(in_state(sbx(sandbox("base", {"--join", "web", "--set", "seccomp.default=off"}) + Words{"kill-all"})));
  EXPECT_EQ(value_of(killed, "init-alive"), "0") << all(killed);
  EXPECT_EQ(run(in_state(sbx({"exec", "web", "--", "true"}))).status, 0);
  box.kill(SIGTERM);
  box.finish();
}
