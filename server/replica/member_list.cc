#include "server/replica/member_list.h"

#include <algorithm>
#include <utility>

#include "base/byte_codec.h"
#include "raft/membership.h"

namespace pintle::server::replica {
namespace {

using base::ByteReader;

constexpr char kFormat = 1;
constexpr uint32_t kMostUrls = 64;
constexpr uint32_t kMostRemoved = 100000;  // 800 kB: a record of the store takes 1 MiB

enum Flags : char { kLearner = 1, kPromotesItself = 2 };

void PutText(std::string& out, std::string_view text) {
  base::AppendFixed32(out, static_cast<uint32_t>(text.size()));
  out += text;
}

bool TakeText(ByteReader& reader, std::string& text) {
  uint32_t size = 0;
  std::string_view bytes;
  if (!reader.TakeFixed32(size) || !reader.TakeBytes(size, bytes)) return false;
  text = std::string(bytes);
  return true;
}

void PutTexts(std::string& out, const std::vector<std::string>& texts) {
  base::AppendFixed32(out, static_cast<uint32_t>(texts.size()));
  for (const std::string& text : texts) PutText(out, text);
}

bool TakeTexts(ByteReader& reader, std::vector<std::string>& texts) {
  uint32_t count = 0;
  if (!reader.TakeFixed32(count) || count > kMostUrls) return false;
  texts.assign(count, "");
  return std::ranges::all_of(texts, [&](std::string& text) { return TakeText(reader, text); });
}

bool TakeByte(ByteReader& reader, char& value) {
  std::string_view byte;
  if (!reader.TakeBytes(1, byte)) return false;
  value = byte[0];
  return true;
}

void PutMember(std::string& out, const ClusterMember& member) {
  base::AppendFixed64(out, member.id);
  out.push_back(static_cast<char>((member.is_learner ? kLearner : 0) |
                                  (member.promotes_itself ? kPromotesItself : 0)));
  base::AppendFixed64(out, member.replaces);
  base::AppendFixed64(out, member.data_dir.high);
  base::AppendFixed64(out, member.data_dir.low);
  base::AppendFixed32(out, member.feature_level);
  PutText(out, member.name);
  PutTexts(out, member.peer_urls);
  PutTexts(out, member.client_urls);
}

bool TakeMember(ByteReader& reader, ClusterMember& member) {
  char flags = 0;
  if (!reader.TakeFixed64(member.id) || !TakeByte(reader, flags) ||
      !reader.TakeFixed64(member.replaces) || !reader.TakeFixed64(member.data_dir.high) ||
      !reader.TakeFixed64(member.data_dir.low) || !reader.TakeFixed32(member.feature_level) ||
      !TakeText(reader, member.name) || !TakeTexts(reader, member.peer_urls) ||
      !TakeTexts(reader, member.client_urls)) {
    return false;
  }
  member.is_learner = (flags & kLearner) != 0;
  member.promotes_itself = (flags & kPromotesItself) != 0;
  return (flags & ~(kLearner | kPromotesItself)) == 0;
}

bool TakePending(ByteReader& reader, std::optional<MemberList::Pending>& pending) {
  pending.reset();
  if (reader.empty()) return true;
  pending = MemberList::Pending{};
  if (!reader.TakeFixed64(pending->request_id)) return false;
  return DecodeMemberChange(reader.rest(), pending->change);
}

void Remove(MemberList& list, uint64_t id) {
  if (std::erase_if(list.members, [&](const ClusterMember& m) { return m.id == id; }) == 0) return;
  if (list.removed.size() == kMostRemoved) list.removed.erase(list.removed.begin());
  list.removed.push_back(id);
}

}  // namespace

const ClusterMember* MemberList::Find(uint64_t id) const {
  const auto found = std::ranges::find(members, id, &ClusterMember::id);
  return found == members.end() ? nullptr : &*found;
}

bool MemberList::WasRemoved(uint64_t id) const { return std::ranges::count(removed, id) > 0; }

std::string EncodeMemberList(const MemberList& list) {
  std::string out(1, kFormat);
  base::AppendFixed32(out, list.feature_level);
  base::AppendFixed32(out, static_cast<uint32_t>(list.members.size()));
  for (const ClusterMember& member : list.members) PutMember(out, member);
  base::AppendFixed32(out, static_cast<uint32_t>(list.removed.size()));
  for (const uint64_t id : list.removed) base::AppendFixed64(out, id);
  if (!list.pending) return out;
  base::AppendFixed64(out, list.pending->request_id);
  return out + EncodeMemberChange(list.pending->change);
}

bool DecodeMemberList(std::string_view bytes, MemberList& list) {
  ByteReader reader(bytes);
  char format = 0;
  uint32_t count = 0;
  if (!TakeByte(reader, format) || format != kFormat || !reader.TakeFixed32(list.feature_level) ||
      !reader.TakeFixed32(count) || count > raft::kMaxMembers) {
    return false;
  }
  list.members.assign(count, {});
  for (ClusterMember& member : list.members) {
    if (!TakeMember(reader, member)) return false;
  }
  if (!reader.TakeFixed32(count) || count > kMostRemoved) return false;
  list.removed.assign(count, 0);
  for (uint64_t& id : list.removed) {
    if (!reader.TakeFixed64(id)) return false;
  }
  return TakePending(reader, list.pending);
}

std::string EncodeMemberChange(const MemberChange& change) {
  std::string out(1, static_cast<char>(change.kind));
  base::AppendFixed64(out, change.id);
  out.push_back(change.learner ? '\1' : '\0');
  base::AppendFixed64(out, change.replaces);
  PutTexts(out, change.peer_urls);
  return out;
}

bool DecodeMemberChange(std::string_view bytes, MemberChange& change) {
  ByteReader reader(bytes);
  char kind = 0;
  char learner = 0;
  if (!TakeByte(reader, kind) || !reader.TakeFixed64(change.id) || !TakeByte(reader, learner) ||
      !reader.TakeFixed64(change.replaces) || !TakeTexts(reader, change.peer_urls) ||
      !reader.empty()) {
    return false;
  }
  change.kind = static_cast<MemberChange::Kind>(kind);
  change.learner = learner == 1;
  return kind >= static_cast<char>(MemberChange::Kind::kAdd) &&
         kind <= static_cast<char>(MemberChange::Kind::kPromote) && (learner == 0 || learner == 1);
}

std::string EncodeJoinFacts(const JoinFacts& facts) {
  std::string out;
  base::AppendFixed64(out, facts.cluster_id);
  base::AppendFixed64(out, facts.applied.value());
  return out + EncodeMemberList(facts.list);
}

bool DecodeJoinFacts(std::string_view body, JoinFacts& facts) {
  ByteReader reader(body);
  uint64_t applied = 0;
  if (!reader.TakeFixed64(facts.cluster_id) || !reader.TakeFixed64(applied)) return false;
  facts.applied = raft::Index(applied);
  return DecodeMemberList(reader.rest(), facts.list);
}

const ClusterMember* FindByPeerUrls(const MemberList& list, std::vector<std::string> peer_urls) {
  std::ranges::sort(peer_urls);
  const auto found = std::ranges::find_if(list.members, [&](const ClusterMember& member) {
    std::vector<std::string> urls = member.peer_urls;
    std::ranges::sort(urls);
    return urls == peer_urls;
  });
  return found == list.members.end() ? nullptr : &*found;
}

void Apply(const MemberChange& change, MemberList& list) {
  const auto found = std::ranges::find(list.members, change.id, &ClusterMember::id);
  if (change.kind == MemberChange::Kind::kAdd) {
    if (found != list.members.end()) return;
    ClusterMember added{.id = change.id, .peer_urls = change.peer_urls};
    added.is_learner = change.learner;
    added.promotes_itself = !change.learner;
    added.replaces = change.replaces;
    const auto place = std::ranges::upper_bound(list.members, change.id, {}, &ClusterMember::id);
    list.members.insert(place, std::move(added));
    return;
  }
  if (found == list.members.end()) return;
  switch (change.kind) {
    case MemberChange::Kind::kAdd:
      return;
    case MemberChange::Kind::kRemove:
      return Remove(list, change.id);
    case MemberChange::Kind::kUpdate:
      found->peer_urls = change.peer_urls;
      return;
    case MemberChange::Kind::kPromote:
      found->is_learner = found->promotes_itself = false;
      if (const uint64_t replaced = std::exchange(found->replaces, 0)) Remove(list, replaced);
      return;
  }
}

raft::ConfState TargetOf(const MemberChange& change, const ClusterMember* member,
                         raft::ConfState conf_state) {
  const raft::MemberId id(change.id);
  switch (change.kind) {
    case MemberChange::Kind::kAdd:
      return raft::WithLearner(std::move(conf_state), id);
    case MemberChange::Kind::kRemove:
      return raft::Without(std::move(conf_state), id);
    case MemberChange::Kind::kUpdate:
      return conf_state;
    case MemberChange::Kind::kPromote:
      if (member != nullptr && member->replaces != 0) {
        conf_state =
            raft::WithReplacement(std::move(conf_state), raft::MemberId(member->replaces), id);
      }
      return raft::WithVoter(std::move(conf_state), id);
  }
  return conf_state;
}

}  // namespace pintle::server::replica
