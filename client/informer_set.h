// InformerSet: one Informer per collection, shared by everything in a process that reads it.
//
// Thread: the Loop's. Informers asked for after Start() start at once. Owner: the program; outlives
// its users.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/informer.h"

namespace pintle::client {

class InformerSet {
 public:
  InformerSet(Loop& loop, KubeClient& client) : loop_(loop), client_(client) {}

  Informer& Of(const ResourceType& type) { return Find(full_, type, {}); }
  // Metadata is enough: the whole-object informer if there is one already, else one of metadata
  // only.
  Informer& MetadataOf(const ResourceType& type) {
    if (const auto found = full_.find(type.Id()); found != full_.end()) return *found->second;
    InformerOptions options;
    options.metadata_only = true;
    return Find(metadata_, type, options);
  }
  void Start() {
    started_ = true;
    for (auto& [id, informer] : full_) informer->Start();
    for (auto& [id, informer] : metadata_) informer->Start();
  }

 private:
  using Map = std::map<std::string, std::unique_ptr<Informer>>;
  Informer& Find(Map& map, const ResourceType& type, const InformerOptions& options) {
    auto& slot = map[type.Id()];
    if (slot == nullptr) {
      slot = std::make_unique<Informer>(loop_, client_, type, options);
      if (started_) slot->Start();
    }
    return *slot;
  }

  Loop& loop_;
  KubeClient& client_;
  bool started_ = false;
  Map full_;
  Map metadata_;
};

}  // namespace pintle::client
