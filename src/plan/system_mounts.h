// The part of the file system that is the same for every sandbox: /proc, /sys, /dev, /etc, /tmp and the links
// of the root. Used by mounts.cpp.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"

namespace plan {

void add_root_links(std::vector<MountStep>& steps, const Host& host);
void add_temporary(std::vector<MountStep>& steps, bool empty_root);
void add_devices(std::vector<MountStep>& steps);
void add_proc(std::vector<MountStep>& steps, const Host& host);
void add_sys(std::vector<MountStep>& steps, const Host& host, const Plan& plan);
// In a root file system that has an /etc of its own: how the sandbox is called, and whom it asks for names.
void add_names(std::vector<MountStep>& steps, const Host& host, const Plan& plan);
void add_etc(std::vector<MountStep>& steps, const Host& host, const Plan& plan, const std::string& home);

}  // namespace plan
