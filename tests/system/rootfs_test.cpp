// A Debian root file system (tests/setup/rootfs.sh makes it once): read-only, copy-on-write, and packages installed as
// its root; and one by hand whose mount points are missing.
#include "harness/surroundings.h"

#include <filesystem>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class RootfsTest : public SystemTest {
 protected:
  Outcome in(Words options, const Words& words) {
    Words all{"--profile", "container"};
    all.insert(all.end(), options.begin(), options.end());
    all.emplace_back("--");
    all.insert(all.end(), words.begin(), words.end());
    Command command = sbx(all);
    command.timeout = 110s;
    return run(command);
  }
};

class DebianTest : public RootfsTest {
 protected:
  void SetUp() override {
    RootfsTest::SetUp();
    if (IsSkipped()) return;
    SKIP_IF(no_id_range());
    const Outcome made = run({.argv = {SBX_SOURCE_DIR "/tests/setup/rootfs.sh"}, .timeout = 110s});
    if (made.status != 0) GTEST_SKIP() << "no root file system: " << made.err;
    root_ = made.out.substr(0, made.out.size() - 1);
  }
  // A hash of what is in it, as its own root reads it; without what sbx mounts there.
  std::string digest() {
    const Outcome outcome = in({"--rootfs", root_ + ":ro"}, {"sh", "-c", "find /boot /etc /home /media /mnt /opt /root /srv /usr /var ! -name hostname ! -name hosts ! -name resolv.conf -printf '%p %m %U %G %s %T@ %C@ %l\\n' | sort | sha256sum; find /etc /var/lib/dpkg -xdev -type f -exec cat {} + | sha256sum"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  }
  std::string root_;
};

}  // namespace

TEST_F(DebianTest, RootOfItsOwnIdsReadOnly) {
  const Outcome outcome = in({"--rootfs", root_ + ":ro"}, {"sh", "-c", "stat -c %u:%g / /var/mail /etc/shadow; touch /x || echo held; cat /etc/hostname; id -un"});
  EXPECT_EQ(outcome.out, "0:0\n0:8\n0:42\nheld\nsbx\nroot\n") << outcome.err;
}

TEST_F(DebianTest, CopyOnWriteLeavesItAsItIs) {
  const std::string before = digest();
  const Outcome thrown = in({"--rootfs", root_, "--tmp-overlay", "/"}, {"sh", "-c", "chown 33:33 /etc/passwd && rm -r /var/cache && mkdir /var/cache && stat -c %u:%g /etc/passwd && ls /var/cache"});
  EXPECT_EQ(thrown.out, "33:33\n") << thrown.err;
  EXPECT_EQ(digest(), before);
}

// dpkg changes owners, apt becomes its user _apt, and both lock and sync.
TEST_F(DebianTest, APackageIsInstalled) {
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun is closed to this account";
  const std::string before = digest();
  const Outcome outcome = in({"--rootfs", root_, "--tmp-overlay", "/", "--net", "user"},
                             {"sh", "-c", "timeout 60 apt-get update -qq -eany || exit 77;"
                              " apt-get install -y -qq -o Acquire::Retries=3 --no-install-recommends hello >/dev/null && hello && dpkg -s hello | grep ^Status"});
  if (outcome.status == 77) GTEST_SKIP() << "no registry answers: " << outcome.err;
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Hello, world!\nStatus: install ok installed\n") << outcome.err;
  EXPECT_EQ(digest(), before);
}

TEST_F(RootfsTest, AMissingMountPointIsNeverMade) {
  SKIP_IF(no_id_range());
  for (const char* each : {"root/bin", "root/proc", "root/dev", "root/tmp", "root/run"}) dir.make(each);
  fs::copy(payload("probe"), dir / "root/bin/probe");
  const Tree before = read_tree(dir / "root");
  const Outcome refused = in({"--rootfs", dir / "root"}, {"/bin/probe", "ids"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_PRED2(contains, refused.err, "mount on /sys: No such file or directory") << refused.err;
  EXPECT_PRED2(contains, refused.err, "--overlay /") << refused.err;
  EXPECT_EQ(changes(before, read_tree(dir / "root")), "");
  const Outcome outcome = in({"--rootfs", dir / "root", "--tmp-overlay", "/"}, {"/bin/probe", "ids"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(changes(before, read_tree(dir / "root")), "");
}
