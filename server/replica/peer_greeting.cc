#include "server/replica/peer_greeting.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace pintle::server::replica {
namespace {

// The member is known, with another data-dir than this.
bool IsOtherDataDir(raft::MemberId member, storage::DataDirId data_dir, const PeerSet& set) {
  const auto known = std::ranges::find(set.peers, member, &Peer::id);
  return known != set.peers.end() && known->data_dir != storage::DataDirId{} &&
         known->data_dir != data_dir;
}

std::string OtherDataDirText(raft::MemberId member) {
  return absl::StrFormat(
      "member %x came back with another data-dir: it lost its data; remove it and add it again, or "
      "replace it",
      member.value());
}

}  // namespace

std::optional<HelloRefused> ObjectionTo(const Hello& hello, const PeerSet& known) {
  if (std::ranges::count(known.removed, hello.from) > 0) {
    return HelloRefused{Refusal::kRemoved,
                        absl::StrFormat("member %x has been permanently removed from the cluster: "
                                        "its data-dir is of no use any more",
                                        hello.from.value())};
  }
  if (hello.self.feature_level < known.feature_level) {
    return HelloRefused{
        .text = absl::StrFormat("the cluster uses feature level %d, member %x knows up to %d only: "
                                "start it with a newer version",
                                known.feature_level, hello.from.value(), hello.self.feature_level)};
  }
  if (!IsOtherDataDir(hello.from, hello.self.data_dir, known)) return std::nullopt;
  return HelloRefused{Refusal::kOtherDataDir, OtherDataDirText(hello.from)};
}

std::string ObjectionTo(const HelloOk& hello, const PeerSet& known) {
  return IsOtherDataDir(hello.member, hello.data_dir, known) ? OtherDataDirText(hello.member) : "";
}

absl::StatusOr<uint64_t> JoinAs(const JoinFacts& facts,
                                const std::vector<std::string>& own_peer_urls) {
  const ClusterMember* self = FindByPeerUrls(facts.list, own_peer_urls);
  if (self == nullptr) {
    return absl::NotFoundError(absl::StrCat("the cluster has no member with the peer URLs ",
                                            absl::StrJoin(own_peer_urls, ","),
                                            ": add it first (etcdctl member add)"));
  }
  if (self->data_dir != storage::DataDirId{}) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "member %x has been started before, and its data-dir is not here: if it lost its data, "
        "remove it and add it again, or replace it",
        self->id));
  }
  return self->id;
}

void JoinAnswers::Add(JoinFacts facts) {
  ++count_;
  if (!newest_ || facts.applied > newest_->applied) newest_ = std::move(facts);
}

absl::StatusOr<uint64_t> JoinAnswers::JoinAs(const std::vector<std::string>& own_peer_urls) const {
  if (!newest_) return absl::UnavailableError("nobody has answered");
  const absl::StatusOr<uint64_t> self = replica::JoinAs(*newest_, own_peer_urls);
  const bool believed = 2 * count_ > newest_->list.members.size();
  if (!absl::IsFailedPrecondition(self.status()) || believed) return self;
  return absl::UnavailableError(self.status().message());
}

}  // namespace pintle::server::replica
