#include "server/replica/hash_votes.h"

#include <algorithm>
#include <iterator>

namespace pintle::server::replica {

void HashVotes::Note(raft::MemberId member, const Checkpoint& checkpoint) {
  Hashes& hashes = noted_[member];
  hashes[{checkpoint.index, checkpoint.kind}] = checkpoint.hash;
  if (hashes.size() > kMostPerMember) hashes.erase(hashes.begin());
}

std::vector<Checkpoint> HashVotes::Newest(raft::MemberId member, size_t most) const {
  std::vector<Checkpoint> newest;
  const auto found = noted_.find(member);
  if (found == noted_.end()) return newest;
  const Hashes& hashes = found->second;
  auto at = hashes.begin();
  if (hashes.size() > most) std::advance(at, hashes.size() - most);
  for (; at != hashes.end(); ++at)
    newest.push_back({at->first.second, at->first.first, at->second});
  return newest;
}

HashVotes::Verdict HashVotes::Look(raft::MemberId self, const std::vector<raft::MemberId>& voters) {
  const auto own = noted_.find(self);
  if (own == noted_.end()) return {};
  for (const auto& [place, hash] : own->second) {
    const Verdict::Kind kind = Judge(place, hash, voters);
    if (kind != Verdict::Kind::kNothing) return {kind, {place.second, place.first, hash}};
  }
  // What is too old to be known any more is not waited for.
  while (!looks_.empty() && looks_.begin()->first < own->second.begin()->first) {
    looks_.erase(looks_.begin());
  }
  return {};
}

HashVotes::Verdict::Kind HashVotes::Judge(const Place& place, uint64_t own,
                                          const std::vector<raft::MemberId>& voters) {
  if (own == Checkpoint::kNoWitness) return Verdict::Kind::kNothing;
  std::map<uint64_t, size_t> votes;
  size_t spoken = 0;
  for (const raft::MemberId voter : voters) {
    const auto hashes = noted_.find(voter);
    if (hashes == noted_.end()) continue;
    const auto hash = hashes->second.find(place);
    if (hash == hashes->second.end()) continue;
    ++spoken;
    if (hash->second != Checkpoint::kNoWitness) ++votes[hash->second];
  }
  const bool differ = votes.size() > 1 || (votes.size() == 1 && !votes.contains(own));
  if (!differ) return Verdict::Kind::kNothing;
  for (const auto& [hash, count] : votes) {
    if (count <= voters.size() / 2) continue;
    looks_.erase(place);
    return hash == own ? Verdict::Kind::kNothing : Verdict::Kind::kOdd;
  }
  int& looks = looks_[place];
  if (looks > kMostLooks) return Verdict::Kind::kNothing;  // said already
  looks = spoken == voters.size() ? kMostLooks + 1 : looks + 1;
  return looks > kMostLooks ? Verdict::Kind::kSplit : Verdict::Kind::kNothing;
}

}  // namespace pintle::server::replica
