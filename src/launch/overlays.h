// Carries out the overlays of the plan: the directories that take the changes, and the mounts.
#pragma once

#include "plan/plan.h"
#include "sys/fd.h"

#include <vector>

namespace launch {

// What one overlay is made of; without upper and work where they are in memory and come later.
struct Layers { sys::Fd lower, upper, work, fuse; };  // fuse: /dev/fuse, of that engine

// Outside, before anything runs: what takes the changes on disk, with its origin (store/origin.h).
Result<> prepare_layers(const plan::Plan& plan);

// Removes a directory with what subordinate ids own in it: by root of a namespace that maps them and the caller.
Result<> remove_with_range(const plan::Identity& root_with_range, const std::string& directory);

// One for each step; empty for those that are no overlay. In the new process, while its ids are still the caller's: the
// directories may be closed to those it takes.
Result<std::vector<Layers>> open_layers(const std::vector<plan::MountStep>& steps);

// A layer of whiteouts, to lie on top of `lower`, in an empty directory.
Result<> make_whiteouts(const plan::Overlay& step, const sys::Fd& lower, const sys::Fd& layer);

// Not attached yet. `front`: that layer; it may be invalid.
Result<sys::Fd> mount_overlay(const plan::Overlay& step, Layers& layers, const sys::Fd& front);

}  // namespace launch
