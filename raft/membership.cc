#include "raft/membership.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/byte_codec.h"

namespace pintle::raft {
namespace {

constexpr char kFormat = 1;

bool IsSortedSet(const std::vector<MemberId>& list) {
  return std::ranges::adjacent_find(list, std::ranges::greater_equal()) == list.end() &&
         (list.empty() || list.front() != kNoMember);
}

bool Holds(const std::vector<MemberId>& list, MemberId member) {
  return std::ranges::binary_search(list, member);
}

void Insert(std::vector<MemberId>& list, MemberId member) {
  if (!Holds(list, member)) list.insert(std::ranges::upper_bound(list, member), member);
}

void PutList(std::string& out, const std::vector<MemberId>& list) {
  base::AppendFixed32(out, static_cast<uint32_t>(list.size()));
  for (const MemberId member : list) base::AppendFixed64(out, member.value());
}

bool TakeList(base::ByteReader& reader, std::vector<MemberId>& list) {
  uint32_t count = 0;
  if (!reader.TakeFixed32(count) || count > kMaxMembers) return false;
  list.clear();
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t id = 0;
    if (!reader.TakeFixed64(id)) return false;
    list.emplace_back(id);
  }
  return true;
}

}  // namespace

std::string EncodeConfChange(const ConfState& conf_state, std::string_view context) {
  std::string out(1, kFormat);
  PutList(out, conf_state.voters);
  PutList(out, conf_state.outgoing);
  PutList(out, conf_state.learners);
  out.append(context);
  return out;
}

bool DecodeConfChange(std::string_view bytes, ConfChange& change) {
  if (bytes.empty() || bytes[0] != kFormat) return false;
  base::ByteReader reader(bytes.substr(1));
  ConfState& conf = change.conf_state;
  if (!TakeList(reader, conf.voters) || !TakeList(reader, conf.outgoing) ||
      !TakeList(reader, conf.learners)) {
    return false;
  }
  change.context = std::string(reader.rest());
  return IsValid(conf);
}

bool IsValid(const ConfState& conf_state) {
  const auto& [voters, outgoing, learners] = conf_state;
  if (voters.empty() || voters.size() + outgoing.size() + learners.size() > kMaxMembers) {
    return false;
  }
  if (!IsSortedSet(voters) || !IsSortedSet(outgoing) || !IsSortedSet(learners)) return false;
  return std::ranges::none_of(learners, [&](MemberId id) { return IsVoter(conf_state, id); });
}

bool IsVoter(const ConfState& conf_state, MemberId member) {
  return Holds(conf_state.voters, member) || Holds(conf_state.outgoing, member);
}

bool IsMember(const ConfState& conf_state, MemberId member) {
  return IsVoter(conf_state, member) || Holds(conf_state.learners, member);
}

bool AreNeighbours(const ConfState& from, const ConfState& to) {
  if (!IsValid(to)) return false;
  if (from.joint()) return !to.joint() && to.voters == from.voters;
  return to.joint() ? to.outgoing == from.voters : to.voters == from.voters;
}

std::optional<ConfState> FirstStep(const ConfState& current, const ConfState& target) {
  if (current.joint() || target.joint() || !IsValid(target)) return std::nullopt;
  if (target.voters == current.voters) return target;
  ConfState step{target.voters, current.voters, target.learners};
  // A voter that becomes a learner would be in both lists on the way: refused.
  if (!IsValid(step)) return std::nullopt;
  return step;
}

ConfState LeaveJoint(const ConfState& joint) { return {joint.voters, {}, joint.learners}; }

ConfState WithLearner(ConfState conf_state, MemberId member) {
  if (!IsVoter(conf_state, member)) Insert(conf_state.learners, member);
  return conf_state;
}

ConfState WithVoter(ConfState conf_state, MemberId member) {
  std::erase(conf_state.learners, member);
  Insert(conf_state.voters, member);
  return conf_state;
}

ConfState Without(ConfState conf_state, MemberId member) {
  std::erase(conf_state.voters, member);
  std::erase(conf_state.learners, member);
  return conf_state;
}

ConfState WithReplacement(ConfState conf_state, MemberId removed, MemberId added) {
  const bool voted = Holds(conf_state.voters, removed);
  conf_state = Without(std::move(conf_state), removed);
  return voted ? WithVoter(std::move(conf_state), added)
               : WithLearner(std::move(conf_state), added);
}

}  // namespace pintle::raft
