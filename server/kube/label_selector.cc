#include <algorithm>

#include "server/kube/resources/validation.h"
#include "server/kube/selectors.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

using Operator = LabelSelector::Operator;
using Requirement = LabelSelector::Requirement;

enum class Token {
  kError,
  kEnd,
  kIdentifier,
  kClose,
  kComma,
  kNot,
  kDoubleEquals,
  kEquals,
  kGreater,
  kOpen,
  kLess,
  kNotEquals,
  kIn,
  kNotIn
};

struct Lexeme {
  Token token = Token::kEnd;
  std::string literal;
};

bool IsSpecial(char c) { return std::string_view("=!(),><").find(c) != std::string_view::npos; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Token SymbolToken(std::string_view text) {
  if (text == ")") return Token::kClose;
  if (text == ",") return Token::kComma;
  if (text == "!") return Token::kNot;
  if (text == "==") return Token::kDoubleEquals;
  if (text == "=") return Token::kEquals;
  if (text == ">") return Token::kGreater;
  if (text == "(") return Token::kOpen;
  if (text == "<") return Token::kLess;
  if (text == "!=") return Token::kNotEquals;
  return Token::kError;
}

// The longest run of special characters of which every beginning is a symbol.
Lexeme ScanSymbol(std::string_view text, size_t& at) {
  Lexeme found;
  size_t length = 0;
  while (at + length < text.size() && IsSpecial(text[at + length])) {
    const std::string_view candidate = text.substr(at, length + 1);
    const Token token = SymbolToken(candidate);
    if (token == Token::kError) break;
    found = {token, std::string(candidate)};
    ++length;
  }
  at += length;
  return found;
}

std::vector<Lexeme> Scan(std::string_view text) {
  std::vector<Lexeme> lexemes;
  size_t at = 0;
  while (at < text.size()) {
    if (IsSpace(text[at])) {
      ++at;
    } else if (IsSpecial(text[at])) {
      lexemes.push_back(ScanSymbol(text, at));
    } else {
      const size_t begin = at;
      while (at < text.size() && !IsSpace(text[at]) && !IsSpecial(text[at])) ++at;
      std::string word(text.substr(begin, at - begin));
      const Token token = word == "in"      ? Token::kIn
                          : word == "notin" ? Token::kNotIn
                                            : Token::kIdentifier;
      lexemes.push_back({token, std::move(word)});
    }
  }
  return lexemes;
}

struct ParseFailure {
  std::string message;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexemes_(Scan(text)) {}

  Result<std::vector<Requirement>> Parse() {
    std::vector<Requirement> requirements;
    while (true) {
      const Lexeme& first = Peek();
      if (first.token == Token::kEnd) return requirements;
      if (Value(first) != Token::kIdentifier && first.token != Token::kNot)
        return Fail(
            StrCat("found '", first.literal, "', expected: !, identifier, or 'end of string'"));
      Requirement requirement;
      if (std::string why = ParseRequirement(requirement); !why.empty())
        return Fail(StrCat("unable to parse requirement: ", why));
      requirements.push_back(std::move(requirement));
      const Lexeme after = Take();
      if (after.token == Token::kEnd) return requirements;
      if (after.token != Token::kComma)
        return Fail(StrCat("found '", after.literal, "', expected: ',' or 'end of string'"));
      const Lexeme& next = Peek();
      if (Value(next) != Token::kIdentifier && next.token != Token::kNot)
        return Fail(StrCat("found '", next.literal, "', expected: identifier after ','"));
    }
  }

 private:
  static StatusError Fail(std::string message) { return BadRequest(std::move(message)); }

  // "in" and "notin" are ordinary words wherever no operator is expected.
  static Token Value(const Lexeme& lexeme) {
    const bool word = lexeme.token == Token::kIn || lexeme.token == Token::kNotIn;
    return word ? Token::kIdentifier : lexeme.token;
  }

  const Lexeme& Peek() const { return at_ < lexemes_.size() ? lexemes_[at_] : end_; }
  Lexeme Take() {
    Lexeme lexeme = Peek();
    ++at_;
    return lexeme;
  }

  std::string ParseRequirement(Requirement& requirement) {
    Lexeme key = Take();
    const bool negated = key.token == Token::kNot;
    if (negated) key = Take();
    if (Value(key) != Token::kIdentifier)
      return StrCat("found '", key.literal, "', expected: identifier");
    if (const Complaints complaints = CheckQualifiedName(key.literal); !complaints.empty())
      return StrCat("<nil>: Invalid value: ", Quoted(key.literal), ": ", Join(complaints, "; "));
    requirement.key = key.literal;
    const Token next = Peek().token;
    if (negated || next == Token::kEnd || next == Token::kComma) {
      requirement.op = negated ? Operator::kDoesNotExist : Operator::kExists;
      return {};
    }
    if (std::string why = ParseOperator(requirement); !why.empty()) return why;
    return CheckValues(requirement);
  }

  std::string ParseOperator(Requirement& requirement) {
    const Lexeme op = Take();
    switch (op.token) {
      case Token::kIn:
      case Token::kNotIn:
        requirement.op = op.token == Token::kIn ? Operator::kIn : Operator::kNotIn;
        return ParseValues(requirement);
      case Token::kEquals:
      case Token::kDoubleEquals:
        requirement.op = Operator::kIn;
        return ParseExactValue(requirement);
      case Token::kNotEquals:
        requirement.op = Operator::kNotIn;
        return ParseExactValue(requirement);
      case Token::kGreater:
        requirement.op = Operator::kGreater;
        return ParseExactValue(requirement);
      case Token::kLess:
        requirement.op = Operator::kLess;
        return ParseExactValue(requirement);
      default:
        return StrCat("found '", op.literal, "', expected: in, notin, =, ==, !=, gt, lt");
    }
  }

  std::string ParseExactValue(Requirement& requirement) {
    const Token next = Peek().token;
    if (next == Token::kEnd || next == Token::kComma) {
      requirement.values.insert("");
      return {};
    }
    const Lexeme value = Take();
    if (Value(value) != Token::kIdentifier)
      return StrCat("found '", value.literal, "', expected: identifier");
    requirement.values.insert(value.literal);
    return {};
  }

  std::string ParseValues(Requirement& requirement) {
    if (const Lexeme open = Take(); open.token != Token::kOpen)
      return StrCat("found '", open.literal, "' expected: '('");
    const Lexeme first = Peek();
    if (first.token == Token::kClose) {
      Take();
      requirement.values.insert("");
      return {};
    }
    if (Value(first) != Token::kIdentifier && first.token != Token::kComma)
      return StrCat("found '", first.literal, "', expected: ',', ')' or identifier");
    if (std::string why = ParseList(requirement.values); !why.empty()) return why;
    if (const Lexeme close = Take(); close.token != Token::kClose)
      return StrCat("found '", close.literal, "', expected: ')'");
    return {};
  }

  // Up to, but not including, the closing parenthesis. Empty items count: "(a,,b)".
  std::string ParseList(std::set<std::string>& values) {
    while (true) {
      const Lexeme item = Take();
      if (Value(item) == Token::kIdentifier) {
        values.insert(item.literal);
        const Lexeme& next = Peek();
        if (next.token == Token::kClose) return {};
        if (next.token != Token::kComma)
          return StrCat("found '", next.literal, "', expected: ',' or ')'");
      } else if (item.token == Token::kComma) {
        if (values.empty()) values.insert("");
        if (Peek().token == Token::kClose) {
          values.insert("");
          return {};
        }
        if (Peek().token == Token::kComma) {
          Take();
          values.insert("");
        }
      } else {
        return StrCat("found '", item.literal, "', expected: ',', or identifier");
      }
    }
  }

  static std::string CheckValues(Requirement& requirement) {
    if (requirement.op == Operator::kGreater || requirement.op == Operator::kLess) {
      if (!ParseInteger(*requirement.values.begin(), requirement.number))
        return StrCat("values[0]: Invalid value: ", Quoted(*requirement.values.begin()),
                      ": for 'Gt', 'Lt' operators, the value must be an integer");
    }
    int index = 0;
    for (const std::string& value : requirement.values) {
      if (const Complaints complaints = CheckLabelValue(value); !complaints.empty())
        return StrCat("values[", index, "][", requirement.key, "]: Invalid value: ", Quoted(value),
                      ": ", Join(complaints, "; "));
      ++index;
    }
    return {};
  }

  std::vector<Lexeme> lexemes_;
  size_t at_ = 0;
  const Lexeme end_;
};

bool Satisfies(const Requirement& requirement, const std::string* value) {
  switch (requirement.op) {
    case Operator::kExists:
      return value != nullptr;
    case Operator::kDoesNotExist:
      return value == nullptr;
    case Operator::kIn:
      return value != nullptr && requirement.values.contains(*value);
    case Operator::kNotIn:
      return value == nullptr || !requirement.values.contains(*value);
    case Operator::kGreater:
    case Operator::kLess: {
      int64_t number = 0;
      if (value == nullptr || !ParseInteger(*value, number)) return false;
      return requirement.op == Operator::kGreater ? number > requirement.number
                                                  : number < requirement.number;
    }
  }
  return false;
}

}  // namespace

Result<LabelSelector> LabelSelector::Parse(std::string_view text) {
  KUBE_ASSIGN_OR_RETURN(std::vector<Requirement> requirements, Parser(text).Parse());
  LabelSelector selector;
  selector.requirements_ = std::move(requirements);
  return selector;
}

bool LabelSelector::Matches(const Json& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& each) {
    const auto found = labels.is_object() ? labels.find(each.key) : labels.end();
    if (found == labels.end() || !found->is_string()) return Satisfies(each, nullptr);
    return Satisfies(each, found->get_ptr<const std::string*>());
  });
}

}  // namespace pintle::server::kube
