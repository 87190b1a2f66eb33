// NamespaceController: empties a namespace that is being deleted, then lets it go.
//
// For each namespaced collection that discovery lists: DELETE of the collection (or of each object
// where that verb is missing), then a list to see that nothing is left. Only when every collection
// was read and found empty is the finalizer "kubernetes" taken away through /finalize. Anything
// less comes back later.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/controllers/controller.h"
#include "client/controllers/discovery.h"

namespace pintle::client::controllers {

class NamespaceController final : public Controller {
 public:
  explicit NamespaceController(Context context);

 protected:
  void SyncAsync(const std::string& key, SyncDone done) override;
  void EnqueueAll() override;

 private:
  struct Job;
  void NextResource(std::shared_ptr<Job> job);
  void DeleteEach(std::shared_ptr<Job> job, const ApiResource& resource, ApiReply listed);
  void Verify(std::shared_ptr<Job> job, const ApiResource& resource);
  void Finalize(std::shared_ptr<Job> job);

  Informer& namespaces_;
};

// The namespace with "kubernetes" taken out of spec.finalizers.
Json WithoutKubernetesFinalizer(const Json& name_space);

}  // namespace pintle::client::controllers
