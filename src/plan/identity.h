// Decides who the payload is: the id maps and the ids inside.
#pragma once

#include "plan/host.h"
#include "plan/plan.h"
#include "profile/profile.h"

namespace plan {

Result<Identity> make_identity(const profile::Profile& profile, const Host& host);

// Whether the profile asks for a subordinate range, so that the probe reads /etc/subuid only then.
bool wants_range(const profile::Profile& profile);

// Whether files may come to belong to ids that the caller cannot remove by himself: any but his own, by whatever map, also
// one that is joined. Root needs nobody's help.
bool maps_other_ids(const Identity& identity, Id uid, Id gid);

}  // namespace plan
