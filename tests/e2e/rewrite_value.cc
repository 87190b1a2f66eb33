// e2e_rewrite_value STORE KEY VALUE: changes the newest stored value of a key in the files of a
// stopped member, as a disk that lies would, but with checksums that are right: nothing but a
// comparison with the other members can find it. STORE: <data-dir>/member/store-<n>.
#include <iostream>
#include <string>
#include <string_view>

#include "kv/record.h"
#include "kv/types.h"
#include "server/storage/leveldb_backend.h"

namespace {

using pintle::kv::KeyValueView;

absl::Status Rewrite(pintle::kv::Backend& store, std::string_view key, std::string_view value) {
  std::string record;
  std::string pair_bytes;
  absl::Status scanned = store.Scan(pintle::kv::FirstRecordKey(0), pintle::kv::FirstLeaseKey(),
                                    [&](std::string_view at, std::string_view bytes) {
                                      KeyValueView pair;
                                      if (!pintle::kv::ParseKeyValue(bytes, pair)) return true;
                                      if (pair.key != key) return true;
                                      record = at;
                                      pair_bytes = bytes;
                                      return true;
                                    });
  if (!scanned.ok()) return scanned;
  if (record.empty()) return absl::NotFoundError("no such key");
  KeyValueView pair;
  if (!pintle::kv::ParseKeyValue(pair_bytes, pair)) return absl::DataLossError("not a pair");
  pair.value = value;
  pintle::kv::BackendBatch batch;
  batch.Put(record, pintle::kv::EncodeKeyValue(pair));
  if (absl::Status applied = store.Apply(batch); !applied.ok()) return applied;
  return store.Flush();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: e2e_rewrite_value STORE KEY VALUE\n";
    return 2;
  }
  auto store = pintle::server::storage::LeveldbBackend::Open({.directory = argv[1]});
  const absl::Status status =
      store.ok() ? Rewrite(**store, argv[2], argv[3]) : absl::Status(store.status());
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}
