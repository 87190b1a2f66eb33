#include "server/etcd/replies.h"

#include <variant>

#include "base/byte_codec.h"

namespace pintle::server::etcd {
namespace {

using base::AppendMessageField;
using base::AppendVarintField;

constexpr uint32_t kHeaderField = 1;  // of every response

constexpr size_t kFixedBytes = 64;  // header, tags and counters of one answer, roughly

void AppendFields(std::string& out, const kv::RangeResult& result) {
  for (const auto& pair : result.kvs) AppendMessageField(out, 2, *pair);
  AppendVarintField(out, 3, result.more ? 1 : 0);
  AppendVarintField(out, 4, static_cast<uint64_t>(result.count));
}

void AppendFields(std::string& out, const kv::PutResult& result) {
  if (result.prev_kv != nullptr) AppendMessageField(out, 2, *result.prev_kv);
}

void AppendFields(std::string& out, const kv::DeleteRangeResult& result) {
  AppendVarintField(out, 2, static_cast<uint64_t>(result.deleted));
  for (const auto& pair : result.prev_kvs) AppendMessageField(out, 3, *pair);
}

void AppendFields(std::string& out, const kv::TxnResult& result);

template <typename Pairs>
size_t SizeOf(const Pairs& pairs) {
  size_t size = kFixedBytes;
  for (const auto& pair : pairs) size += pair->size() + 6;
  return size;
}

size_t SizeHint(const kv::RangeResult& result) { return SizeOf(result.kvs); }
size_t SizeHint(const kv::PutResult& result) {
  return kFixedBytes + (result.prev_kv == nullptr ? 0 : result.prev_kv->size());
}
size_t SizeHint(const kv::DeleteRangeResult& result) { return SizeOf(result.prev_kvs); }
size_t SizeHint(const kv::TxnResult& result) { return kFixedBytes * (1 + result.responses.size()); }

template <typename Result>
std::string Encode(const std::string& header, const Result& result) {
  std::string out;
  out.reserve(SizeHint(result));
  AppendMessageField(out, kHeaderField, header);
  AppendFields(out, result);
  return out;
}

std::string HeaderOfNested(int64_t revision) {
  std::string header;
  AppendVarintField(header, 3, static_cast<uint64_t>(revision));
  return header;
}

// The number of an answer's variant in ResponseOp is its place in TxnOpResult, from 1.
std::string EncodeNested(const kv::TxnOpResult& response) {
  const auto one = [](const auto& result) {
    return Encode(HeaderOfNested(result.revision), result);
  };
  std::string out;
  std::string body;
  if (const auto* range = std::get_if<kv::RangeResult>(&response)) {
    body = one(*range);
  } else if (const auto* put = std::get_if<kv::PutResult>(&response)) {
    body = one(*put);
  } else if (const auto* deleted = std::get_if<kv::DeleteRangeResult>(&response)) {
    body = one(*deleted);
  } else {
    body = one(*std::get<std::shared_ptr<kv::TxnResult>>(response));
  }
  out.reserve(body.size() + 6);
  AppendMessageField(out, static_cast<uint32_t>(response.index()) + 1, body);
  return out;
}

void AppendFields(std::string& out, const kv::TxnResult& result) {
  AppendVarintField(out, 2, result.succeeded ? 1 : 0);
  for (const auto& response : result.responses) AppendMessageField(out, 3, EncodeNested(response));
}

}  // namespace

HeaderFacts FactsOf(const replica::LocalMember& member) {
  const replica::MemberStatus status = member.status();
  return {.cluster_id = status.cluster_id,
          .member_id = status.member_id,
          .raft_term = status.raft_term};
}

std::string EncodeHeader(const HeaderFacts& facts, int64_t revision) {
  std::string header;
  AppendVarintField(header, 1, facts.cluster_id);
  AppendVarintField(header, 2, facts.member_id);
  AppendVarintField(header, 3, static_cast<uint64_t>(revision));
  AppendVarintField(header, 4, facts.raft_term);
  return header;
}

std::string EncodeRangeResponse(const HeaderFacts& facts, const kv::RangeResult& result) {
  return Encode(EncodeHeader(facts, result.revision), result);
}

std::string EncodePutResponse(const HeaderFacts& facts, const kv::PutResult& result) {
  return Encode(EncodeHeader(facts, result.revision), result);
}

std::string EncodeDeleteRangeResponse(const HeaderFacts& facts,
                                      const kv::DeleteRangeResult& result) {
  return Encode(EncodeHeader(facts, result.revision), result);
}

std::string EncodeTxnResponse(const HeaderFacts& facts, const kv::TxnResult& result) {
  return Encode(EncodeHeader(facts, result.revision), result);
}

std::string EncodeHeaderOnly(const HeaderFacts& facts, int64_t revision) {
  std::string out;
  AppendMessageField(out, kHeaderField, EncodeHeader(facts, revision));
  return out;
}

}  // namespace pintle::server::etcd
