// Byte layout of what the store keeps in its backend. docs/formats/kv-records.md is the
// specification; a golden test holds both to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/types.h"

namespace pintle::kv {

inline constexpr uint64_t kRecordFormatVersion = 2;
// Without term and hash chain in StoredState; read, and made newer when it is opened.
inline constexpr uint64_t kRecordFormatVersion1 = 1;

// Records: 'k' + big-endian main + big-endian sub, and 't' behind it for a tombstone.
std::string RecordKey(Revision revision, bool tombstone);
// The first key that a record of `main` or a later one can have.
std::string FirstRecordKey(int64_t main);
struct RecordId {
  Revision revision;
  bool tombstone = false;
};
std::optional<RecordId> ParseRecordKey(std::string_view key);

// Leases: 'l' + big-endian id; ttl and remaining ttl as leasepb.Lease writes them.
struct StoredLease {
  LeaseId id;
  int64_t ttl_seconds = 0;
  int64_t remaining_ttl_seconds = 0;  // 0: never checkpointed
};
std::string LeaseKey(LeaseId id);
std::string FirstLeaseKey();
std::string EndOfLeaseKeys();
std::string EncodeLease(const StoredLease& lease);
std::optional<StoredLease> ParseLease(std::string_view value);
int64_t LeaseBytes(const StoredLease& lease);  // of its record, with its key

// Meta: 'm' + name.
std::string FormatKey();               // fixed64: kRecordFormatVersion
std::string StateKey();                // StoredState
std::string ScheduledCompactionKey();  // fixed64 revision: readers were refused below it before any
                                       // deletion began
std::string FinishedCompactionKey();   // fixed64 revision: everything below it is gone

// The server's own state: 's' + name; opaque.
std::string ServerKey(std::string_view name);
std::string EndOfServerKeys();

// Where the store stands: part of every batch.
struct StoredState {
  Sequence sequence;
  int64_t revision = 1;
  uint64_t term = 0;  // of the entry at `sequence`
  uint64_t hash = 0;  // kv/hash_chain.h
};
std::string EncodeState(const StoredState& state);
std::optional<StoredState> ParseState(std::string_view value);
std::string EncodeNumber(int64_t number);
std::optional<int64_t> ParseNumber(std::string_view value);

// For messages about damage: the key in printable form.
std::string Printable(std::string_view key);

}  // namespace pintle::kv
