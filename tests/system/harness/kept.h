// A project with a kept overlay, made by the kernel's own overlay in a user namespace: what a sandbox that ran over it
// leaves in its state, for the tests of diff, commit and discard.
#pragma once

#include "harness/surroundings.h"

namespace harness {

// Relative path -> type, mode and content, without times: what a change is about.
using Contents = std::map<std::string, std::string>;
Contents contents_of(const std::string& directory);
std::string describe_difference(const Contents& one, const Contents& other);

std::string no_user_overlay();  // why the kernel mounts none for us

class KeptTest : public SystemTest {
 protected:
  void SetUp() override;

  std::string project() const { return dir / "project"; }
  std::string place() const { return dir / "state/sbx/sandboxes/try"; }
  std::string upper() const { return place() + "/changes/0/upper"; }

  // The lines of shell run in the project, on the host; then what is kept begins.
  void make_project(const std::string& script);
  void begin(const std::string& engine = "kernel", const std::string& map = "self");
  void run_in_overlay(const std::string& script);  // what a sandbox did
  Outcome forge(const std::string& script);        // in the upper itself, as root of a user namespace
  Contents merged();                               // what the sandbox sees

  Outcome sbx_try(Words words, Words environment = {}, const std::string& binary = sbx_binary());
  std::string diff(Words paths = {});              // its output; fails the test on an error
};

}  // namespace harness
