// What is bound, where, and with which rights: --ro, --rw, -v, --tmpfs, --hide, odd names, nesting, many mounts.
#include "harness/surroundings.h"

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace harness;
namespace fs = std::filesystem;

namespace {

class MountsTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    dir.write("data/file", "content\n");
    dir.write("data/sub/deep", "deep\n");
    data_ = dir / "data";
  }
  Outcome run_script(Words options, const std::string& script) {
    options.insert(options.end(), {"--", "sh", "-c", script});
    return run_sbx(std::move(options));
  }
  std::string error_of(Words options) {
    options.insert(options.end(), {"--", "true"});
    const Outcome outcome = run_sbx(std::move(options));
    EXPECT_EQ(outcome.status, 125) << outcome.out;
    EXPECT_PRED2(contains, outcome.err, "\nhint: ");
    return outcome.err;
  }
  std::string data_;
};

TEST_F(MountsTest, ReadOnly) {
  const Tree before = read_tree(data_);
  const Outcome outcome = run_script({"--ro", data_}, "cat " + data_ + "/file; for f in new file sub/deep; do echo x >" + data_ + "/$f && echo wrote; done;"
                                                      "rm -rf " + data_ + "/*; chmod 777 " + data_ + "; touch " + data_);
  EXPECT_EQ(outcome.out, "content\n");
  EXPECT_PRED2(contains, outcome.err, "Read-only file system");
  EXPECT_EQ(changes(before, read_tree(data_)), "");
}

TEST_F(MountsTest, ReadWriteAtAnotherPlace) {
  const Outcome outcome = run_script({"--rw", data_ + ":/work/here"}, "echo new >/work/here/made; rm /work/here/sub/deep; [ ! -e " + data_ + " ] && echo hidden");
  EXPECT_EQ(outcome.out, "hidden\n") << outcome.err;
  EXPECT_EQ(read_file(data_ + "/made"), "new\n");
  EXPECT_FALSE(fs::exists(data_ + "/sub/deep"));
}

TEST_F(MountsTest, VolumesAsInDocker) {
  EXPECT_EQ(run_script({"-v", data_ + ":/v:ro"}, "cat /v/file; touch /v/x || echo refused").out, "content\nrefused\n");
  EXPECT_EQ(run_script({"-v", data_ + ":/v"}, "touch /v/x && echo made").out, "made\n");
  EXPECT_EQ(run_script({"-v", data_ + ":/v:rw"}, "rm /v/x && echo removed").out, "removed\n");
  EXPECT_PRED2(contains, error_of({"-v", data_}), data_);
  EXPECT_PRED2(contains, error_of({"-v", data_ + ":/v:zz"}), "zz");
}

TEST_F(MountsTest, OneFile) {
  const Outcome outcome = run_script({"--ro", data_ + "/file:/one/file", "--rw", data_ + "/sub/deep"}, "cat /one/file; ls /one; echo more >>" + data_ + "/sub/deep");
  EXPECT_EQ(outcome.out, "content\nfile\n") << outcome.err;
  EXPECT_EQ(read_file(data_ + "/sub/deep"), "deep\nmore\n");
}

TEST_F(MountsTest, MissingSources) {
  EXPECT_PRED2(contains, error_of({"--ro", dir / "none"}), "bind " + (dir / "none") + ": No such file or directory");
  EXPECT_PRED2(contains, error_of({"--rw", data_ + "/file/below"}), "below");
  EXPECT_EQ(run_script({"--ro", (dir / "none") + "?", "--rw", (dir / "none") + ":/x?"}, "ls -d /x 2>/dev/null; exit 4").status, 4);
}

TEST_F(MountsTest, AnUnreadableSourceIsNamed) {
  if (::access("/root", X_OK) == 0) GTEST_SKIP() << "/root is open to this account";
  const Outcome outcome = run_sbx({"--ro", "/root/inner", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_PRED2(contains, outcome.err, "/root/inner: Permission denied");
}

TEST_F(MountsTest, RelativeSourcesStandInTheWorkingDirectory) {
  EXPECT_EQ(run_script({"--ro", "./data:/d"}, "cat /d/file").out, "content\n");
  EXPECT_EQ(run_script({"--ro", "data:/d"}, "cat /d/file").out, "content\n");
  EXPECT_EQ(run_script({"--ro", "../" + fs::path(dir.path()).filename().string() + "/data:/d"}, "cat /d/file").out, "content\n");
}

TEST_F(MountsTest, RelativeTargetsAreRefused) {
  EXPECT_PRED2(contains, error_of({"--ro", data_ + ":data"}), "data");
  EXPECT_PRED2(contains, error_of({"--rw", data_ + ":./x"}), "./x");
  EXPECT_PRED2(contains, error_of({"--rw", data_ + ":../x"}), "../x");
  EXPECT_PRED2(contains, error_of({"--rw", data_ + ":/"}), "/");
  EXPECT_EQ(run_script({"--ro", data_ + ":/a/../../b"}, "ls /b").out, "file\nsub\n");
}

TEST_F(MountsTest, ASymbolicLinkAsSourceIsFollowed) {
  fs::create_symlink("data", dir / "link");
  fs::create_symlink("gone", dir / "dangling");
  EXPECT_EQ(run_script({"--ro", (dir / "link") + ":/l"}, "cat /l/file").out, "content\n");
  EXPECT_EQ(run_script({"--ro", dir / "link"}, "cat " + (dir / "link") + "/file").out, "content\n");
  EXPECT_PRED2(contains, error_of({"--ro", dir / "dangling"}), "dangling");
}

TEST_F(MountsTest, AWritableDirectoryInAReadOnlyOne) {
  const Outcome outcome = run_script({"--ro", data_, "--rw", data_ + "/sub"}, "touch " + data_ + "/x || echo refused; touch " + data_ + "/sub/x && echo made");
  EXPECT_EQ(outcome.out, "refused\nmade\n");
}

TEST_F(MountsTest, AReadOnlyDirectoryInAWritableOne) {
  const Outcome outcome = run_script({"--rw", data_, "--ro", data_ + "/sub"}, "touch " + data_ + "/x && echo made; touch " + data_ + "/sub/x || echo refused;"
                                     "mv " + data_ + "/sub " + data_ + "/moved || echo stays");
  EXPECT_EQ(outcome.out, "made\nrefused\nstays\n");
  // The order on the command line does not matter: parents come first.
  EXPECT_EQ(run_script({"--ro", data_ + "/sub", "--rw", data_}, "touch " + data_ + "/sub/x || echo refused").out, "refused\n");
}

TEST_F(MountsTest, TheLastOfOnePlaceWins) {
  dir.write("other/file", "other\n");
  EXPECT_EQ(run_script({"--ro", data_ + ":/p", "--ro", (dir / "other") + ":/p"}, "cat /p/file").out, "other\n");
}

TEST_F(MountsTest, NoMountPointIsMadeInTheUsersDirectory) {
  const Tree before = read_tree(data_);
  for (const char* how : {"--ro", "--rw"})
    EXPECT_PRED2(contains, error_of({"--rw", data_, how, "/usr:" + data_ + "/absent"}), data_ + "/absent");
  EXPECT_PRED2(contains, error_of({"--rw", data_, "--tmpfs", data_ + "/absent"}), data_ + "/absent");
  EXPECT_EQ(changes(before, read_tree(data_)), "");
}

TEST_F(MountsTest, OddNames) {
  const Words names{"with space", "new\nline", "quote'\"", "back\\slash", "non-utf8-\xff\xfe", "tab\t", "$HOME", "~", "-dash", "per%cent", "\xe2\x82\xac", "comma,equals="};
  for (const std::string& name : names) {
    dir.write("odd/" + name + "/f", name);
    const Outcome outcome = run_sbx({"--ro", (dir / "odd") + "/" + name + ":/odd", "--", "cat", "/odd/f"});
    EXPECT_EQ(outcome.out, name) << outcome.err;
    EXPECT_EQ(run_sbx({"--rw", (dir / "odd") + "/" + name, "--", "cat", (dir / "odd") + "/" + name + "/f"}).out, name);
  }
}

TEST_F(MountsTest, ColonsInNames) {
  dir.write("a:b/f", "colon");
  EXPECT_EQ(run_sbx({"--ro", (dir / "a\\:b") + ":/x\\:y", "--", "cat", "/x:y/f"}).out, "colon");
  EXPECT_PRED2(contains, error_of({"--ro", dir / "a:b"}), "b");
}

TEST_F(MountsTest, AnOddNameCannotForgeALineOfAnError) {
  const Outcome outcome = run_sbx({"--ro", "/none\nsbx: all is well\x1b[2J", "--", "true"});
  EXPECT_EQ(outcome.status, 125);
  EXPECT_FALSE(contains(outcome.err, "\nsbx: all"));
  EXPECT_FALSE(contains(outcome.err, "\x1b"));
}

TEST_F(MountsTest, Tmpfs) {
  EXPECT_EQ(run_script({"--tmpfs", "/scratch:size=1M"}, "head -c 900k /dev/zero >/scratch/a && echo fits; head -c 900k /dev/zero >/scratch/b 2>/dev/null || echo full").out, "fits\nfull\n");
  EXPECT_EQ(run_script({"--rw", data_, "--tmpfs", data_ + "/sub"}, "ls -A " + data_ + "/sub; touch " + data_ + "/sub/x && echo made").out, "made\n");
  EXPECT_FALSE(fs::exists(data_ + "/sub/x"));
  EXPECT_PRED2(contains, error_of({"--tmpfs", "/s:size=lots"}), "lots");
  EXPECT_PRED2(contains, error_of({"--tmpfs", "/s:mode=7"}), "mode=7");
  EXPECT_PRED2(contains, error_of({"--tmpfs", "relative"}), "relative");
}

TEST_F(MountsTest, HideCoversFilesAndDirectories) {
  const Outcome outcome = run_script({"--rw", data_, "--hide", data_ + "/file", "--hide", data_ + "/sub"},
                                     "cat " + data_ + "/file; ls -A " + data_ + "/sub; echo x >" + data_ + "/file; touch " + data_ + "/sub/x; rm " + data_ + "/file; echo end");
  EXPECT_EQ(outcome.out, "end\n");
  EXPECT_EQ(read_file(data_ + "/file"), "content\n");
}

TEST_F(MountsTest, HideInEtcIsAWhiteout) {
  EXPECT_EQ(run_script({"--hide", "/etc/hostname", "--hide", "/etc/fstab"}, "ls /etc/fstab 2>&1 >/dev/null | grep -c 'No such file'").out, "1\n");
}

TEST_F(MountsTest, HideOfWhatIsNotThere) {
  EXPECT_PRED2(contains, error_of({"--rw", data_, "--hide", data_ + "/absent"}), "hide " + data_ + "/absent: No such file or directory");
  const Outcome outcome = run_sbx({"--rw", data_, "--hide", data_ + "/absent?", "--dry-run", "--", "true"});
  EXPECT_PRED2(contains, outcome.out, "not hidden, because it does not exist: " + data_ + "/absent") << outcome.err;
}

TEST_F(MountsTest, AnOverMountedDirectoryShowsTheTopMount) {
  if (!has_program("bwrap")) GTEST_SKIP() << "bwrap is not installed: it mounts something over the directory";
  const Outcome outcome = run_shell("bwrap --dev-bind / / --ro-bind /usr/share $PWD/data/sub --tmpfs $PWD/data/sub --dir $PWD/data/sub/top --chdir $PWD \"$sbx\" --ro data:/d -- ls /d/sub");
  EXPECT_EQ(outcome.out, "top\n") << outcome.err;
}

TEST_F(MountsTest, SubmountsBecomeReadOnlyToo) {
  if (!has_program("bwrap")) GTEST_SKIP() << "bwrap is not installed: it mounts something in the directory";
  const Outcome outcome = run_shell("bwrap --dev-bind / / --tmpfs $PWD/data/sub --chdir $PWD \"$sbx\" --ro data:/d -- touch /d/sub/x");
  EXPECT_PRED2(contains, outcome.err, "Read-only file system");
}

TEST_F(MountsTest, AThousandBinds) {
  Words options;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "many/" + std::to_string(i);
    dir.write(name, std::to_string(i));
    options.insert(options.end(), {"--ro", dir / name + ":/many/" + std::to_string(i)});
  }
  options.insert(options.end(), {"--", "sh", "-c", "cat /many/999; ls /many | wc -l"});
  const Outcome outcome = run_sbx(options);
  EXPECT_EQ(outcome.out, "9991000\n") << outcome.err;
  RecordProperty("milliseconds", static_cast<int>(outcome.elapsed.count()));
  std::printf("a launch with 1000 binds: %d ms\n", static_cast<int>(outcome.elapsed.count()));
}

TEST_F(MountsTest, DeviceFilesOfADirectoryDoNotWork) {
  const Outcome outcome = run_script({"--rw", "/dev/shm:/shm?", "--rw", "/dev:/devices"}, "cat /devices/null || echo refused");
  EXPECT_EQ(outcome.out, "refused\n") << outcome.err;
}

TEST_F(MountsTest, SetuidDoesNotCount) {
  const Outcome outcome = run_sbx(with_probe({"--ro", data_}, {"mounts"}));
  for (const std::string& mount : values_of(outcome, "mount")) EXPECT_PRED2(contains, mount, "nosuid") << mount;
}

}  // namespace
