#include "tests/history/history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pintle::history {
namespace {

template <typename... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::InternalError(absl::StrCat(parts...));
}

std::string Text(const Change& change) {
  if (change.deleted) return absl::StrCat("delete ", change.key);
  return absl::StrCat(change.key, "=", change.value, " (version ", change.version, ", created ",
                      change.create_revision, ")");
}

std::string Text(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes)
    absl::StrAppend(&text, text.empty() ? "" : ", ", Text(change));
  return text;
}

std::string Text(const std::optional<Pair>& pair) {
  if (!pair.has_value()) return "nothing";
  return absl::StrCat(pair->value, " (mod ", pair->mod_revision, ", version ", pair->version, ")");
}

}  // namespace

absl::Status History::Learn(const std::string& source, int64_t revision,
                            const std::vector<Change>& changes) {
  int64_t& told = sources_[source];
  if (told != 0 && revision != told + 1) {
    return Broken(source, " tells revision ", revision, " after ", told);
  }
  told = revision;
  if (revision > last_revision() + 1) {
    return Broken(source, " tells revision ", revision, ", nobody has told ", last_revision() + 1);
  }
  if (revision == last_revision() + 1) return Add(revision, changes);
  const std::vector<Change>& known = truth_[static_cast<size_t>(revision - 2)];
  if (known == changes) return absl::OkStatus();
  return Broken(source, " tells revision ", revision, " as ", Text(changes), ", others as ",
                Text(known));
}

absl::Status History::Add(int64_t revision, const std::vector<Change>& changes) {
  truth_.push_back(changes);
  for (const Change& change : changes) {
    std::vector<Version>& versions = keys_[change.key];
    const Pair* before =
        versions.empty() || !versions.back().pair ? nullptr : &*versions.back().pair;
    if (change.deleted) {
      if (before == nullptr) return Broken("revision ", revision, " deletes what is not there");
      versions.push_back({revision, std::nullopt});
      continue;
    }
    const int64_t version = before == nullptr ? 1 : before->version + 1;
    const int64_t created = before == nullptr ? revision : before->create_revision;
    if (change.version != version || change.create_revision != created) {
      return Broken("revision ", revision, " is ", Text(change), ", should have version ", version,
                    " and be created at ", created);
    }
    if (never_.contains(change.value)) {
      return Broken("revision ", revision, " holds ", change.value, ", which was surely refused");
    }
    const auto [place, fresh] = values_.emplace(change.value, revision);
    if (!fresh) {
      return Broken("the call of ", change.value, " was applied twice, at revisions ",
                    place->second, " and ", revision);
    }
    versions.push_back({revision, Pair{change.value, revision, created, version}});
  }
  return CheckPending(revision);
}

absl::Status History::CheckPending(int64_t revision) {
  if (const auto write = acknowledged_.find(revision); write != acknowledged_.end()) {
    PINTLE_RETURN_IF_ERROR(CheckWrite(revision, write->second));
  }
  const auto [first, last] = pending_reads_.equal_range(revision);
  for (auto read = first; read != last; ++read) {
    PINTLE_RETURN_IF_ERROR(CheckRead(revision, read->second));
  }
  pending_reads_.erase(first, last);
  return absl::OkStatus();
}

std::optional<Pair> History::At(const std::string& key, int64_t revision) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  const std::vector<Version>& versions = found->second;
  auto after = std::upper_bound(
      versions.begin(), versions.end(), revision,
      [](int64_t wanted, const Version& version) { return wanted < version.revision; });
  return after == versions.begin() ? std::nullopt : std::prev(after)->pair;
}

absl::Status History::CheckRead(int64_t revision, const PendingRead& read) const {
  const std::optional<Pair> truth = At(read.key, revision);
  if (truth == read.pair) return absl::OkStatus();
  return Broken("a read of ", read.key, " at revision ", revision, " gave ", Text(read.pair),
                ", the truth is ", Text(truth));
}

absl::Status History::CheckWrite(int64_t revision, const Change& change) const {
  for (const Change& truth : truth_[static_cast<size_t>(revision - 2)]) {
    if (truth.key == change.key && truth.deleted == change.deleted && truth.value == change.value)
      return absl::OkStatus();
  }
  return Broken("revision ", revision, " was acknowledged as ", change.deleted ? "delete " : "",
                change.key, " ", change.value, ", and is ",
                Text(truth_[static_cast<size_t>(revision - 2)]));
}

absl::Status History::Acknowledge(int64_t floor, int64_t revision, Change change) {
  if (revision <= floor) {
    return Broken("a change of ", change.key, " got revision ", revision, ", but ", floor,
                  " had been acknowledged before it was asked for");
  }
  floor_ = std::max(floor_, revision);
  const auto [place, fresh] = acknowledged_.emplace(revision, std::move(change));
  if (!fresh) return Broken("revision ", revision, " was acknowledged to two calls");
  return revision <= last_revision() ? CheckWrite(revision, place->second) : absl::OkStatus();
}

absl::Status History::Wrote(int64_t floor, int64_t revision, const std::string& key,
                            const std::string& value) {
  return Acknowledge(floor, revision, {.key = key, .value = value});
}

absl::Status History::Deleted(int64_t floor, int64_t revision, const std::string& key) {
  return Acknowledge(floor, revision, {.key = key, .deleted = true});
}

absl::Status History::NotWritten(const std::string& value) {
  never_.insert(value);
  const auto found = values_.find(value);
  if (found == values_.end()) return absl::OkStatus();
  return Broken("the call of ", value, " was refused for certain, and is revision ", found->second);
}

absl::Status History::Read(bool linearizable, int64_t floor, int64_t revision,
                           const std::string& key, const std::optional<Pair>& pair) {
  ++reads_;
  if (linearizable && revision < floor) {
    return Broken("a linearizable read of ", key, " is from revision ", revision, ", but ", floor,
                  " had been acknowledged before it was asked for");
  }
  if (linearizable) floor_ = std::max(floor_, revision);
  if (pair.has_value() && pair->mod_revision > revision) {
    return Broken("a read at revision ", revision, " sees ", pair->mod_revision);
  }
  const PendingRead read{key, pair};
  if (revision <= last_revision()) return CheckRead(revision, read);
  pending_reads_.emplace(revision, read);
  return absl::OkStatus();
}

absl::Status History::Watched(int64_t& cursor, int64_t revision,
                              const std::vector<Change>& changes) {
  ++events_;
  if (revision != cursor + 1) {
    return Broken("a watch got revision ", revision, " after ", cursor,
                  revision <= cursor ? ": twice or out of order" : ": a gap");
  }
  cursor = revision;
  if (revision > last_revision()) {
    return Broken("a watch got revision ", revision, " before anybody had applied it");
  }
  const std::vector<Change>& truth = truth_[static_cast<size_t>(revision - 2)];
  if (truth == changes) return absl::OkStatus();
  return Broken("a watch got revision ", revision, " as ", Text(changes), ", it is ", Text(truth));
}

absl::Status History::Progress(int64_t cursor, int64_t revision) const {
  if (revision == cursor) return absl::OkStatus();
  if (revision < cursor) {
    return Broken("a watch of what comes after revision ", cursor, " was told of progress up to ",
                  revision);
  }
  return Broken("a watch was told that it has everything up to revision ", revision,
                ", its last event is ", cursor);
}

absl::Status History::Finish() const {
  if (!acknowledged_.empty() && acknowledged_.rbegin()->first > last_revision()) {
    const auto& [revision, change] = *acknowledged_.rbegin();
    return Broken("revision ", revision, " was acknowledged (", change.key,
                  ") and no member has it");
  }
  if (!pending_reads_.empty()) {
    return Broken("a read saw revision ", pending_reads_.rbegin()->first, ", which no member has");
  }
  return absl::OkStatus();
}

}  // namespace pintle::history
