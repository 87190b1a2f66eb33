// Get of one object.
#include <utility>

#include "server/kube/call.h"
#include "server/kube/list_options.h"

namespace pintle::server::kube {
namespace {

void AnswerGet(const Call& call, const kv::ReadView& view, int64_t at_least) {
  const Resource& resource = call.resource();
  if (at_least > view.revision())
    return call.reply.SendError(TooLargeResourceVersion(at_least, view.revision()));
  Result<kv::EncodedKeyValue> pair =
      ReadPair(view, StorageKey(resource, {call.info.name_space, call.info.name}));
  if (!pair.ok()) return call.reply.SendError(pair.error());
  if (*pair == nullptr) return call.reply.SendError(NotFound(resource, call.info.name));
  kv::KeyValueView parsed;
  if (!kv::ParseKeyValue(**pair, parsed))
    return call.reply.SendError(InternalError("unreadable pair in the store"));
  if (call.form.transform == Transform::kNone && !call.reply.pretty) {
    std::string body;
    AppendObject(resource, parsed.value, parsed.mod_revision, body);
    return call.reply.SendBytes(200, kJsonType, std::move(body));
  }
  Result<Json> object = DecodeStored(resource, parsed);
  if (!object.ok()) return call.reply.SendError(object.error());
  SendObject(call, 200, *std::move(object));
}

}  // namespace

void HandleGet(CallPtr call) {
  Result<std::optional<int64_t>> version = ParseResourceVersion(call->info.query);
  if (!version.ok()) return call->reply.SendError(version.error());
  replica::LocalMember& member = call->face.member;
  if (*version == 0) return AnswerGet(*call, *member.view(), 0);
  member.LinearizableRead([call, at_least = version->value_or(0)](
                              absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) {
    call->reply.exchange->executor().Post([call, at_least, view = std::move(view)] {
      if (!view.ok()) return call->reply.SendError(FromMember(view.status(), false));
      AnswerGet(*call, **view, at_least);
    });
  });
}

}  // namespace pintle::server::kube
