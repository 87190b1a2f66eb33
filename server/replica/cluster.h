// Cluster: who the members are, and to which version operators want to go back, as of the entry
// that was applied last: records of the store that entries of the log change, so that they are the
// same on every member.
//
// A cluster begins with what --initial-cluster says; its first leader writes that down in the log
// (kFirstMembers), and from then on only the log counts.
//
// Threads: what changes something from the apply thread; the rest from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/store.h"
#include "server/replica/local_member.h"
#include "server/replica/member_list.h"

namespace pintle::server::replica {

// The body of a kMemberAttributes proposal: etcd's ClusterMemberAttrSetRequest (member_ID 1,
// attributes 2 {name 1, client_urls 2}), and data-dir id 3 (16 bytes) and feature level 4 of ours.
std::string EncodeAttributes(const ClusterMember& member);
// The body of a kFeatureLevel proposal.
std::string EncodeFeatureLevel(uint32_t level);

class Cluster {
 public:
  // `initial`: the members as long as the store knows none.
  Cluster(std::vector<ClusterMember> initial, kv::Store& store);

  // Runs after each change, on the thread of it. Set before anything is applied.
  void OnChange(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  // ---- Apply thread ----

  // The store has another content.
  void Reload();
  // Each with the body of its proposal. What is malformed, or speaks of an unknown member, changes
  // nothing, on every member alike.
  void Begin(std::string_view first_members);
  void Publish(std::string_view attributes);
  void RaiseFeatureLevel(std::string_view body);
  void SetDowngrade(std::string_view body);
  // Goes with a conf change. True: done. False: it counts when the joint configuration is left.
  bool Change(uint64_t request_id, std::string_view body, bool joint);
  // A joint configuration was left: does what was begun with it, and gives the id that waits.
  std::optional<uint64_t> FinishChange();

  // ---- Any thread ----

  std::shared_ptr<const MemberList> list() const;
  // The store holds the list.
  bool recorded() const;
  std::vector<ClusterMember> members() const { return list()->members; }  // sorted by id
  // The version to go back to; empty: none.
  std::string downgrade_target() const;
  // What the member says about itself is what the list says.
  bool Published(const ClusterMember& member) const;

 private:
  void Store(MemberList list);

  kv::Store& store_;
  const MemberList initial_;
  std::function<void()> on_change_ = [] {};
  mutable std::mutex mutex_;
  std::shared_ptr<const MemberList> list_;
  bool recorded_ = false;
  std::string downgrade_target_;
};

}  // namespace pintle::server::replica
