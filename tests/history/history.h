// History: what clients were told, held against what really happened.
//
// Every successful change of the store has a revision, so the order of all changes is known: it is
// the order of revisions. The truth is learned from any member's event stream (Learn); every member
// must tell the same. What a client was told is then checked where it can be, at once, else when
// the revision is learned, at the latest by Finish:
//
//   revisions    +1 per change, no gaps, the same events on every member
//   writes       an acknowledged change is the truth at its revision; that revision is above every
//                one acknowledged before the call (real time); none is acknowledged twice
//   refusals     what surely failed never appears; what is unknown appears once or not at all
//   linearizable reads   are the truth at their revision, which is not below what had been
//                acknowledged (or read) by anybody before the call
//   serializable reads   are the truth at their revision, however old
//   watches      ordered, each revision whole and once, no gap from the start revision on, and
//                progress never ahead of an event
//
// Values are unique by the caller's doing: a value names the call that wrote it. No I/O, no clock;
// one thread. Memory grows with the history. Errors: the first violation, in words.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace pintle::history {

// One changed key.
struct Change {
  std::string key;
  std::string value;  // empty when deleted
  bool deleted = false;
  int64_t create_revision = 0;
  int64_t version = 0;
  friend bool operator==(const Change&, const Change&) = default;
};

struct Pair {
  std::string value;
  int64_t mod_revision = 0;
  int64_t create_revision = 0;
  int64_t version = 0;
  friend bool operator==(const Pair&, const Pair&) = default;
};

class History {
 public:
  // ---- The truth ----
  // Revisions come in order from each source; the first source to tell one decides it.
  absl::Status Learn(const std::string& source, int64_t revision,
                     const std::vector<Change>& changes);
  int64_t last_revision() const { return static_cast<int64_t>(truth_.size()) + 1; }
  // The pair at that revision, which must have been learned.
  std::optional<Pair> At(const std::string& key, int64_t revision) const;

  // ---- Calls. `floor` is what Floor() said when the call began ----
  int64_t Floor() const { return floor_; }

  // A put (or the put of a transaction) of a unique value, acknowledged.
  absl::Status Wrote(int64_t floor, int64_t revision, const std::string& key,
                     const std::string& value);
  absl::Status Deleted(int64_t floor, int64_t revision, const std::string& key);
  // Was refused for certain: the value may never be seen.
  absl::Status NotWritten(const std::string& value);
  // A comparison that failed, or anything else that was only read.
  absl::Status Read(bool linearizable, int64_t floor, int64_t revision, const std::string& key,
                    const std::optional<Pair>& pair);

  // ---- Watches of all keys ----
  // `cursor` is the watcher's own: the last revision it was given; moved on.
  absl::Status Watched(int64_t& cursor, int64_t revision, const std::vector<Change>& changes);
  // It was told that everything up to `revision` has been given. A watch that asked for what comes
  // after `cursor`, and was given nothing yet, is told of no less.
  absl::Status Progress(int64_t cursor, int64_t revision) const;

  // All sources have told everything.
  absl::Status Finish() const;

  size_t writes() const { return acknowledged_.size(); }
  size_t reads() const { return reads_; }
  size_t events() const { return events_; }

 private:
  struct Version {
    int64_t revision = 0;
    std::optional<Pair> pair;
  };
  struct PendingRead {
    std::string key;
    std::optional<Pair> pair;
  };
  absl::Status Add(int64_t revision, const std::vector<Change>& changes);
  absl::Status CheckPending(int64_t revision);
  absl::Status CheckRead(int64_t revision, const PendingRead& read) const;
  absl::Status CheckWrite(int64_t revision, const Change& change) const;
  absl::Status Acknowledge(int64_t floor, int64_t revision, Change change);

  std::vector<std::vector<Change>> truth_;  // truth_[i] is revision i + 2
  std::map<std::string, std::vector<Version>> keys_;
  std::map<std::string, int64_t> values_;   // value → the revision that wrote it
  std::map<std::string, int64_t> sources_;  // → the last revision told
  std::set<std::string> never_;
  std::map<int64_t, Change> acknowledged_;
  std::multimap<int64_t, PendingRead> pending_reads_;
  int64_t floor_ = 1;
  size_t reads_ = 0;
  size_t events_ = 0;
};

}  // namespace pintle::history
