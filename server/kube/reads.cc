// Get of one object; views for all that reads.
#include <utility>

#include "server/kube/call.h"
#include "server/kube/list_options.h"

namespace pintle::server::kube {
namespace {

void AnswerGet(const CallPtr& asked, const kv::ReadView& view, int64_t at_least) {
  const Call& call = *asked;
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
  net::HttpExchange& exchange = *call.reply.exchange;
  if (!exchange.HasRoom(parsed.value.size()))
    return exchange.OnRoom(parsed.value.size(), [asked, at_least] {
      AnswerGet(asked, *asked->face.member.view(), at_least);
    });
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
  WithView(call, /*newest_local=*/*version == 0,
           [call, at_least = version->value_or(0)](const absl::StatusOr<ViewPtr>& view) {
             if (!view.ok()) return call->reply.SendError(FromMember(view.status(), false));
             AnswerGet(call, **view, at_least);
           });
}

void WithView(const CallPtr& call, bool newest_local, UseView use) {
  replica::LocalMember& member = call->face.member;
  if (newest_local) return use(member.view());
  member.LinearizableRead([call, use = std::move(use)](absl::StatusOr<ViewPtr> view) mutable {
    net::HttpExchange& exchange = *call->reply.exchange;
    exchange.executor().Post([call, &exchange, use = std::move(use),
                              view = std::move(view)]() mutable {
      if (!view.ok() || exchange.HasRoom(0)) return use(std::move(view));
      // As good, by then, as the one that was confirmed.
      exchange.OnRoom(0, [call, use = std::move(use)]() mutable { use(call->face.member.view()); });
    });
  });
}

}  // namespace pintle::server::kube
