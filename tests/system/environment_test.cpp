// The environment is an allow-list; secrets come as files in memory.
#include "harness/surroundings.h"

#include <algorithm>

using namespace harness;

namespace {

class EnvironmentTest : public SystemTest {
 protected:
  Outcome run_with(Words environment, Words arguments) {
    Command command = sbx(std::move(arguments));
    command.cwd = dir.path();
    command.environment = std::move(environment);
    return run(command);
  }
};

Words sorted_lines(const std::string& text) {
  Words lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_F(EnvironmentTest, OnlyTheListedPasses) {
  const Outcome outcome = run_with({"AWS_SECRET_ACCESS_KEY=x", "SSH_AUTH_SOCK=/x", "LC_TIME=C", "DBUS_SESSION_BUS_ADDRESS=x", "FOO=1", "LD_PRELOAD="},
                                   {"--", "env"});
  Words names;
  for (const std::string& line : sorted_lines(outcome.out)) names.push_back(line.substr(0, line.find('=')));
  EXPECT_EQ(names, (Words{"HOME", "LANG", "LC_TIME", "LOGNAME", "PATH", "PWD", "SBX_NAME", "SHELL", "TERM", "USER", "container"}));
  EXPECT_PRED2(contains, outcome.out, "container=sbx\n");
}

TEST_F(EnvironmentTest, PathIsTheSystemsOwn) {
  const Outcome outcome = run_with({"PATH=/tmp/evil:/usr/bin:/bin"}, {"--", "sh", "-c", "echo $PATH"});
  EXPECT_EQ(outcome.out, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
}

TEST_F(EnvironmentTest, SetAndPass) {
  const Outcome outcome = run_with({"FOO=from outside", "BAR=bar"}, {"-e", "FOO", "-e", "BAZ=a=b c", "-e", "MISSING", "--", "sh", "-c",
                                                                      "echo \"$FOO|$BAR|$BAZ|${MISSING-unset}\""});
  EXPECT_EQ(outcome.out, "from outside||a=b c|unset\n") << outcome.err;
}

TEST_F(EnvironmentTest, FileOfVariables) {
  const std::string file = dir.write("env", "# a comment\n\nA=1\nB=two words\nPASSED\nC=\n");
  const Outcome outcome = run_with({"PASSED=yes"}, {"--env-file", file, "-e", "A=2", "--", "sh", "-c", "echo \"$A|$B|$PASSED|${C-unset}\""});
  EXPECT_EQ(outcome.out, "2|two words|yes|\n") << outcome.err;
}

TEST_F(EnvironmentTest, ABadFileOfVariablesNamesTheLine) {
  const std::string file = dir.write("env", "A=1\n=2\n");
  const Outcome outcome = run_sbx({"--env-file", file, "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, file + ":2");
  EXPECT_EQ(run_sbx({"--env-file", dir / "missing", "--", "true"}).status, 125);
}

TEST_F(EnvironmentTest, ClearedButForWhatIsAsked) {
  const Outcome outcome = run_with({"LC_TIME=C", "FOO=1"}, {"--clear-env", "-e", "FOO", "--", "env"});
  const Words lines = sorted_lines(outcome.out);
  EXPECT_TRUE(std::find(lines.begin(), lines.end(), "FOO=1") != lines.end());
  for (const std::string& line : lines) EXPECT_FALSE(line.starts_with("LC_") || line.starts_with("LANG") || line.starts_with("TERM")) << line;
}

TEST_F(EnvironmentTest, HostileValuesStayValues) {
  const Outcome outcome = run_with({"TERM=x\n1\x1b[31m\xff"}, {"--", "sh", "-c", "printf %s \"$TERM\""});
  EXPECT_EQ(outcome.out, "x\n1\x1b[31m\xff");
}

TEST_F(EnvironmentTest, ASecretIsAFileInMemory) {
  const std::string file = dir.write("token", std::string("s3cret\0\xff\n", 9));
  const Outcome outcome = run_sbx({"--secret", "TOKEN=" + file, "--", "sh", "-c",
                                   "stat -c '%a %U' /run/secrets/TOKEN; stat -f -c %T /run/secrets/TOKEN; od -An -c /run/secrets/TOKEN; env"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_PRED2(contains, outcome.out, "400 ");
  EXPECT_PRED2(contains, outcome.out, "tmpfs\n");
  EXPECT_PRED2(contains, outcome.out, "s   3   c   r   e   t  \\0 377  \\n");
  EXPECT_FALSE(contains(outcome.out, "TOKEN="));
  EXPECT_NE(run_shell("ls /run/secrets/TOKEN").status, 0);
}

TEST_F(EnvironmentTest, ASecretIsReadOnlyAndACopy) {
  const std::string file = dir.write("token", "one");
  const Outcome outcome = run_sbx({"--secret", "T=" + file, "--", "sh", "-c",
                                   "chmod 600 /run/secrets/T; echo two >/run/secrets/T; rm /run/secrets/T; touch /run/secrets/x; cat /run/secrets/T"});
  EXPECT_EQ(outcome.out, "one");
  EXPECT_EQ(read_file(file), "one");
}

TEST_F(EnvironmentTest, SecretsAreChecked) {
  EXPECT_EQ(run_sbx({"--secret", "T=" + (dir / "missing"), "--", "true"}).status, 125);
  const std::string file = dir.write("token", "one");
  for (const char* name : {"../T", ".", "a/b", ""}) {
    const Outcome outcome = run_sbx({"--secret", name + ("=" + file), "--", "true"});
    EXPECT_EQ(outcome.status, 125) << name;
    EXPECT_PRED2(contains, outcome.err, "hint: ") << name;
  }
}

TEST_F(EnvironmentTest, ASecretCanBeNoSecretPipeForever) {
  // A file without an end is refused, not read for ever.
  const Outcome outcome = run_sbx({"--secret", "T=/dev/zero", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_FALSE(outcome.timed_out);
}

}  // namespace
