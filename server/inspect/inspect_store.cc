#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "kv/store.h"
#include "server/inspect/inspect.h"
#include "server/inspect/overlay_file_system.h"
#include "server/storage/data_dir.h"
#include "server/storage/leveldb_backend.h"

namespace pintle::server::inspect {
namespace {

std::string Printable(std::string_view bytes) {
  constexpr size_t kMostBytes = 200;
  const std::string text = absl::CHexEscape({bytes.data(), std::min(bytes.size(), kMostBytes)});
  return bytes.size() > kMostBytes ? text + "…" : text;
}

absl::StatusOr<std::string> FindStore(storage::FileSystem& files, const std::string& path,
                                      std::ostream& out, bool& intact) {
  const std::string member = path + "/member";
  if (!files.Exists(member)) return path;
  if (const auto text = files.ReadWhole(member + "/identity"); text.ok()) {
    const auto identity = storage::ParseIdentity(*text);
    intact = intact && identity.ok();
    out << "identity: " << (identity.ok() ? "intact" : identity.status().ToString()) << "\n";
  }
  const auto text = files.ReadWhole(member + "/store");
  if (!text.ok()) return text.status();
  const auto number = storage::ParsePointer(*text);
  if (!number.ok()) return number.status();
  return absl::StrCat(member, "/store-", *number);
}

// All records as they lie there, by the first byte of their keys (docs/formats/kv-records.md).
bool PrintRecords(const kv::Backend& backend, std::ostream& out) {
  struct Sum {
    uint64_t count = 0;
    uint64_t bytes = 0;
  };
  std::map<char, Sum> sums;
  const absl::Status scanned =
      backend.Scan("", std::string(8, '\xff'), [&](std::string_view key, std::string_view value) {
        Sum& sum = sums[key.empty() ? '\0' : key[0]];
        ++sum.count;
        sum.bytes += key.size() + value.size();
        if (key.starts_with('m')) {
          out << "meta " << Printable(key.substr(1)) << ": " << value.size() << " bytes "
              << absl::BytesToHexString({value.data(), std::min<size_t>(value.size(), 64)}) << "\n";
        }
        return true;
      });
  for (const auto& [letter, sum] : sums) {
    out << "records '" << Printable(std::string_view(&letter, 1)) << "': " << sum.count << ", "
        << sum.bytes << " bytes\n";
  }
  if (!scanned.ok()) out << "DAMAGE: " << scanned.ToString() << "\n";
  return scanned.ok();
}

// The first key behind all that begin with `prefix`, in etcd's spelling.
std::string EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

bool PrintKeys(const kv::ReadView& view, const InspectOptions& options, std::ostream& out) {
  kv::RangeRequest request;
  request.range = {options.prefix.empty() ? std::string(1, '\0') : options.prefix,
                   EndOfPrefix(options.prefix)};
  request.limit = options.limit;
  const absl::StatusOr<kv::RangeResult> range = view.Range(request);
  if (!range.ok()) {
    out << "DAMAGE: " << range.status().ToString() << "\n";
    return false;
  }
  out << "keys: " << range->count << ", shown: " << range->kvs.size() << "\n";
  bool intact = true;
  for (const auto& encoded : range->kvs) {
    kv::KeyValueView pair;
    if (encoded == nullptr || !kv::ParseKeyValue(*encoded, pair)) {
      out << "DAMAGE: a pair that cannot be read\n";
      intact = false;
      continue;
    }
    out << "key " << Printable(pair.key) << ": created at revision " << pair.create_revision
        << ", modified at " << pair.mod_revision << ", version " << pair.version << ", "
        << pair.value.size() << " bytes";
    if (pair.lease.value() != 0) out << ", lease " << pair.lease.value();
    out << "\n";
  }
  return intact;
}

}  // namespace

absl::StatusOr<bool> InspectStore(storage::FileSystem& files, const std::string& path,
                                  const InspectOptions& options, std::ostream& out) {
  bool intact = true;
  PINTLE_ASSIGN_OR_RETURN(const std::string folder, FindStore(files, path, out, intact));
  PINTLE_RETURN_IF_ERROR(files.List(folder).status());
  if (!files.Exists(folder + "/CURRENT")) {
    out << "store " << folder << ": not a store, or DAMAGED: no CURRENT\n";
    return false;
  }
  OverlayFileSystem overlay(files);
  auto backend = storage::LeveldbBackend::Open(
      {.directory = folder, .files = &overlay, .flush_on_close = false});
  if (!backend.ok()) {
    out << "store " << folder << ": DAMAGED: " << backend.status().ToString() << "\n";
    return false;
  }
  out << "store " << folder << "\n";
  intact = PrintRecords(**backend, out) && intact;
  auto store = kv::Store::Open(**backend, {.value_cache_bytes = size_t{1} << 20});
  if (!store.ok()) {
    out << "DAMAGE: " << store.status().ToString() << "\n";
    return false;
  }
  const std::shared_ptr<const kv::ReadView> view = (*store)->view();
  out << "applied up to raft index " << (*store)->sequence().value() << ", term "
      << (*store)->term() << ", hash chain " << absl::StrFormat("%016x", (*store)->hash())
      << ", revision " << view->revision() << ", compacted at " << view->compact_revision() << ", "
      << (*store)->size_bytes() << " bytes, " << view->Leases().size() << " leases\n";
  return PrintKeys(*view, options, out) && intact;
}

}  // namespace pintle::server::inspect
