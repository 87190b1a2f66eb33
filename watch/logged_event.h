// LoggedEvent: one change in the event window, with the bytes that watchers are sent.
//
// Immutable but for two memos: the encoded mvccpb.Event without and with prev_kv, each made by the
// first watcher that asks and then shared by all. Any thread. Nobody waits: two threads that ask at
// the same instant may both encode, the first result stays.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kv/guarded.h"
#include "kv/types.h"

namespace pintle::watch {

// An mvccpb.Event as bytes; `prev_kv` may be null.
std::string EncodeEvent(const kv::Event& event, const kv::EncodedKeyValue& prev_kv);

class LoggedEvent {
 public:
  using Bytes = std::shared_ptr<const std::string>;
  // Finds the pair written at that revision; null when it is compacted away.
  using RecordSource = std::function<kv::EncodedKeyValue(kv::Revision)>;

  explicit LoggedEvent(kv::Event event);

  const kv::Event& event() const { return event_; }
  int64_t revision() const { return event_.revision.main; }
  // What it costs to keep (approximate, in bytes).
  size_t size() const;

  Bytes Plain() const;
  struct WithPrevious {
    kv::EncodedKeyValue prev_kv;
    Bytes encoded;
  };
  WithPrevious WithPrev(const RecordSource& records) const;

 private:
  struct Memo {
    Bytes plain;
    WithPrevious with_prev;
  };

  const kv::Event event_;
  mutable kv::Guarded<Memo> memo_;
};

using EventRef = std::shared_ptr<const LoggedEvent>;

}  // namespace pintle::watch
