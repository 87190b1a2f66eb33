// The text form of a history, one line for each thing seen, and its check against the truth.
//
//   truth <source> <revision> put <key> <value> <create revision> <version>
//   truth <source> <revision> delete <key>
//   put <began> <ended> ok|refused|unknown <revision> <key> <value>
//   delete <began> <ended> ok|unknown <revision> <key>
//   read <began> <ended> linearizable|serializable <revision> <key>
//        [<value> <mod revision> <create revision> <version>]        (without: it was not there)
//   start <watch> <revision>       the watch was asked for everything behind that revision
//   event <watch> <revision> put|delete …                            (as truth)
//   progress <watch> <revision>
//
// `truth` lines are what a member's event stream told after the run, from revision 2 on;
// consecutive ones of one revision are one change. Times are integers of one monotonic clock, in
// any unit; equal times count as concurrent. Words hold no blanks: the writer escapes (EscapeWord),
// and comparing escaped words compares the words. `#` begins a comment. A call of unknown outcome
// may be in the truth once, or not at all; a refused one must not.
//
// One thread, no I/O. Memory grows with the text. Errors: kInvalidArgument for a malformed line
// (named by number), kInternal for the first violation, in words. Rules: tests/history/history.h.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pintle::history {

std::string EscapeWord(std::string_view word);

struct TraceSummary {
  size_t writes = 0;
  size_t reads = 0;
  size_t events = 0;
  size_t unknown = 0;
  long last_revision = 0;
};

absl::StatusOr<TraceSummary> CheckTrace(std::string_view text);

}  // namespace pintle::history
