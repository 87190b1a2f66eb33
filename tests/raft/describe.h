// Raft's values as short text, for scripts and for the trace of a failed run.
#pragma once

#include <string>
#include <string_view>

#include "raft/entry.h"
#include "raft/message.h"
#include "raft/raw_node.h"

namespace pintle::raft {

std::string Describe(EntryId id);  // term/index
std::string Describe(const ConfState& conf_state);
std::string Describe(const Entry& entry);
std::string_view Describe(Role role);
std::string Describe(const Message& message);
std::string Describe(const Status& status);

}  // namespace pintle::raft
