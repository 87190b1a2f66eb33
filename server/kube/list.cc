// List: a collection at one revision, chunk by chunk, from stored bytes to answer bytes.
//
// Without selectors and transforms an item is a cut and an insert (stored_form.h); no document is
// built. Work is done in slices with a turn of the event loop between them, so that a list of a
// hundred thousand objects does not hold up the other connections of its thread. What becomes large
// waits for its turn (large_lists.h) and for room (net/room.h), and begins anew then: with what it
// had it would only hold memory.
#include <algorithm>
#include <utility>

#include "server/kube/call.h"
#include "server/kube/list_options.h"
#include "server/kube/table.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

// Pairs in a slice: a few at first, for they may be large, and more as long as they are small.
constexpr int64_t kFirstSlice = 50;
constexpr int64_t kMostInSlice = 500;
constexpr size_t kSliceBytes = size_t{256} << 10;
constexpr size_t kLarge = net::Room::kSmallAnswerBytes + 1;  // as little is known of its size
constexpr size_t kHeadRoom = 512;  // for what goes before the items and is known last

class ListJob : public std::enable_shared_from_this<ListJob> {
 public:
  using Finished = absl::AnyInvocable<void(Result<std::string>)>;

  ListJob(CallPtr call, ListOptions options, ResponseForm form, Finished done)
      : call_(std::move(call)),
        options_(std::move(options)),
        form_(std::move(form)),
        now_(call_->now()),
        done_(std::move(done)) {}

  void Start() {
    call_->reply.exchange->OnClose([gone = gone_] { *gone = true; });
    WithView(call_, options_.any_version(),
             [self = shared_from_this()](absl::StatusOr<ViewPtr> view) {
               if (!view.ok()) return self->done_(FromMember(view.status(), false));
               self->Begin(*std::move(view));
             });
  }

 private:
  void Begin(ViewPtr view) {
    view_ = std::move(view);
    taken_ = 0;
    const int64_t asked =
        std::max(options_.exact_revision(), options_.resource_version.value_or(0));
    if (asked > view_->revision()) return done_(TooLargeResourceVersion(asked, view_->revision()));
    revision_ = options_.exact_revision() > 0 ? options_.exact_revision() : view_->revision();
    range_ = FirstRange();
    body_.assign(kHeadRoom, ' ');
    Step();
  }

  // One name in a known place is one key; else the collection, from where the token says.
  kv::KeyRange FirstRange() const {
    const Resource& resource = call_->resource();
    const std::string& name_space = call_->info.name_space;
    const std::string_view name = options_.selection.fields.required_name();
    const bool place_known = !resource.namespaced || !name_space.empty();
    if (!name.empty() && place_known && !options_.token)
      return {StorageKey(resource, {name_space, std::string(name)}), ""};
    kv::KeyRange range = CollectionRange(resource, name_space);
    if (options_.token)
      range.key = std::max(range.key, StrCat(resource.storage_prefix, "/", options_.token->start));
    return range;
  }

  void Step() {
    if (*gone_) return;
    kv::RangeRequest request;
    request.range = range_;
    request.revision = revision_;
    request.limit = options_.limit > 0 && options_.selection.empty()
                        ? std::min(slice_, options_.limit - taken_)
                        : slice_;
    const size_t before = body_.size();
    absl::StatusOr<kv::RangeResult> page = view_->Range(request);
    if (!page.ok()) return done_(TooOld(page.status()));
    for (const kv::EncodedKeyValue& pair : page->kvs) {
      if (Result<Done> added = Add(*pair); !added.ok()) return done_(added.error());
      --page->count;
      if (options_.limit > 0 && taken_ == options_.limit) break;
    }
    const bool last =
        page->count <= 0 || page->kvs.empty() || (options_.limit > 0 && taken_ == options_.limit);
    if (!MayGoOn(last)) return AwaitTurn();
    if (last) return Finish(page->count);
    const bool small = body_.size() - before < kSliceBytes;
    slice_ = small ? std::min(slice_ * 2, kMostInSlice) : std::max<int64_t>(slice_ / 2, 1);
    call_->reply.exchange->executor().Post([self = shared_from_this()] { self->Step(); });
  }

  // A turn is for what goes on; a large answer that is whole needs room only.
  bool MayGoOn(bool last) {
    if (turn_ != nullptr || body_.size() <= net::Room::kSmallAnswerBytes) return true;
    if (!HasRoom()) return false;
    if (!last) turn_ = call_->face.large_lists.TryEnter();
    return last || turn_ != nullptr;
  }
  bool HasRoom() const { return call_->reply.exchange->HasRoom(kLarge); }

  void AwaitTurn() {
    if (*gone_) return;
    std::string().swap(body_);
    view_.reset();
    net::HttpExchange& exchange = *call_->reply.exchange;
    if (!HasRoom()) {
      return exchange.OnRoom(kLarge, [self = shared_from_this()] { self->AwaitTurn(); });
    }
    const bool waits = call_->face.large_lists.Enter(
        exchange.executor(), [self = shared_from_this()](LargeLists::TurnPtr turn) {
          if (*self->gone_) return;
          // Meanwhile others have taken it: who waits for room holds up no turn.
          if (!self->HasRoom()) {
            turn.reset();
            return self->AwaitTurn();
          }
          self->turn_ = std::move(turn);
          // As good as the view that was confirmed; nothing is waited for with a turn in hand.
          self->Begin(self->call_->face.member.view());
        });
    if (!waits) done_(TooManyRequests("Too many requests, please try again later."));
  }

  Result<Done> Add(const std::string& encoded) {
    kv::KeyValueView pair;
    if (!kv::ParseKeyValue(encoded, pair)) return InternalError("unreadable pair in the store");
    range_.key.assign(pair.key);
    range_.key.push_back('\0');
    const Resource& resource = call_->resource();
    if (options_.selection.empty() && form_.transform == Transform::kNone) {
      Separate();
      AppendListItem(resource, pair.value, pair.mod_revision, body_);
      return Done{};
    }
    KUBE_ASSIGN_OR_RETURN(Json object, DecodeStored(resource, pair));
    if (!options_.selection.Matches(object)) return Done{};
    Separate();
    if (form_.transform == Transform::kNone) {
      AppendListItem(resource, pair.value, pair.mod_revision, body_);
    } else if (form_.transform == Transform::kTable) {
      body_ += Dump(TableRow(resource, form_, object, now_));
    } else {
      body_ += Dump(PartialObject(form_, object));
    }
    return Done{};
  }

  void Separate() {
    if (taken_++ > 0) body_ += ',';
  }

  // `left`: keys of the range that were not looked at.
  void Finish(int64_t left) {
    Json head = Head();
    head["metadata"] = {{"resourceVersion", StrCat(revision_)}};
    if (left > 0) {
      head["metadata"]["continue"] = NextToken(revision_).Encode();
      if (options_.selection.empty()) head["metadata"]["remainingItemCount"] = left;
    }
    const std::string_view list = form_.transform == Transform::kTable ? "rows" : "items";
    std::string text = Dump(head);
    text.back() = ',';
    StrAppend(&text, Quoted(list), ":[");
    body_.replace(0, kHeadRoom, text);
    body_ += "]}";
    done_(std::move(body_));
  }

  Json Head() const {
    const Resource& resource = call_->resource();
    if (form_.transform == Transform::kTable) {
      Json table = EmptyTable(resource, form_, true);
      table.erase("rows");
      return table;
    }
    if (form_.transform != Transform::kNone)
      return {{"kind", "PartialObjectMetadataList"},
              {"apiVersion", StrCat("meta.k8s.io/", form_.meta_version)}};
    return {{"kind", StrCat(resource.kind, "List")}, {"apiVersion", resource.group_version()}};
  }

  ContinueToken NextToken(int64_t revision) const {
    return {revision, range_.key.substr(call_->resource().storage_prefix.size() + 1)};
  }

  // A page whose revision is compacted away: the client may go on, at the price of consistency.
  StatusError TooOld(const absl::Status& status) const {
    StatusError error = FromMember(status, false);
    if (error.code == 410 && options_.token) {
      error.message =
          "The provided continue parameter is too old to display a consistent list result. You can "
          "start a new list without the continue parameter, or use the continue token in this "
          "response to retrieve the remainder of the results. Continuing with the provided token "
          "results in an inconsistent list - objects that were created, modified, or deleted "
          "between the time the first chunk was returned and now may show up in the list.";
      error.continue_token = NextToken(-1).Encode();
    }
    return error;
  }

  const CallPtr call_;
  const ListOptions options_;
  const ResponseForm form_;
  const absl::Time now_;
  Finished done_;
  std::shared_ptr<const kv::ReadView> view_;
  int64_t revision_ = 0;
  kv::KeyRange range_;  // what is still to be looked at
  int64_t taken_ = 0;
  int64_t slice_ = kFirstSlice;
  std::string body_;
  LargeLists::TurnPtr turn_;                                          // once it is large
  const std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);  // the client is
};

}  // namespace

void HandleList(CallPtr call) {
  Result<ListOptions> options = ParseListOptions(call->resource(), call->info.query);
  if (!options.ok()) return call->reply.SendError(options.error());
  std::make_shared<ListJob>(call, *std::move(options), call->form,
                            [call](Result<std::string> body) {
                              if (!body.ok()) return call->reply.SendError(body.error());
                              if (call->reply.pretty)
                                return call->reply.Send(200, Json::parse(*body, nullptr, false));
                              call->reply.SendBytes(200, kJsonType, *std::move(body));
                            })
      ->Start();
}

void ReadCollection(CallPtr call, ListOptions options,
                    absl::AnyInvocable<void(Result<Json>)> done) {
  options.limit = 0;
  std::make_shared<ListJob>(call, std::move(options), ResponseForm(),
                            [done = std::move(done)](Result<std::string> body) mutable {
                              if (!body.ok()) return done(body.error());
                              done(Json::parse(*body, nullptr, false));
                            })
      ->Start();
}

}  // namespace pintle::server::kube
