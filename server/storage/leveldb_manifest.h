// What LevelDB's MANIFEST is believed to say, for leveldb_env.cc only. LevelDB itself passes over
// zeros, and its checksums do not know where a record belongs: an edit that was lost, or written to
// the wrong place, would silently leave out tables, which it then removes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pintle::server::storage {

// How many of a MANIFEST's bytes are to be believed; nullopt: it is damaged. Every edit is synced
// before the next is written, so that a crash can tear only the last one: an edit that cannot be
// read with none that begins behind it is left out. A last edit that is lost whole looks like one
// that never was; the store is an older one then, and misses tables or is behind the log.
std::optional<size_t> IntactManifestBytes(std::string_view bytes);

}  // namespace pintle::server::storage
