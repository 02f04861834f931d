#include "checks/plans/program_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "checks/plans/sql_values.h"

namespace pgvigil::sql {
namespace {

constexpr std::size_t kLongestSign = 3;
constexpr int kLargest = 99;
constexpr std::string_view kMark = "\"pgvigil:";  // a name that no text has

using Names = std::set<std::string, std::less<>>;

// Text search configurations and units of time that come with PostgreSQL, and the zone that all have.
bool of_postgres(std::string_view word) {
  static const Names known{
      "arabic",  "armenian",     "basque",       "catalan", "danish",    "dutch",      "english",
      "finnish", "french",       "german",       "greek",   "hindi",     "hungarian",  "indonesian",
      "irish",   "italian",      "lithuanian",   "nepali",  "norwegian", "portuguese", "romanian",
      "russian", "serbian",      "simple",       "spanish", "swedish",   "tamil",      "turkish",
      "yiddish", "microseconds", "milliseconds", "second",  "minute",    "hour",       "day",
      "week",    "month",        "quarter",      "year",    "decade",    "century",    "millennium",
      "dow",     "isodow",       "doy",          "isoyear", "epoch",     "utc",        "UTC"};
  return known.contains(word);
}

// Their first argument, of several, is such a word.
bool begins_with_word(const std::string& function) {
  static const Names known{"to_tsvector",          "to_tsquery", "plainto_tsquery", "phraseto_tsquery",
                           "websearch_to_tsquery", "date_trunc", "date_part",       "timezone"};
  return known.contains(function);
}

// They put texts together, or take pieces of one.
bool of_texts(const std::string& function) {
  static const Names known{"concat", "concat_ws", "left",  "right", "substr", "substring", "split_part",
                           "btrim",  "ltrim",     "rtrim", "lpad",  "rpad",   "replace"};
  return known.contains(function);
}

// A number there is a place or a length, not a value.
bool counts_places(const std::string& function) {
  static const Names known{"left", "right", "substr", "substring", "split_part", "mod"};
  return known.contains(function);
}

const Json& bare(const Json& node) {
  const Json* inner = &node;
  while (inner->is_object() && inner->contains("TypeCast")) inner = &at(at(*inner, "TypeCast"), "arg");
  return at(*inner, "A_Const");
}

bool has_column(const Json& node, int depth = 0) {
  if (depth > kDeepest || !node.is_structured()) return false;
  if (node.is_object() && node.contains("ColumnRef")) return true;
  return std::any_of(node.begin(), node.end(), [&](const Json& child) { return has_column(child, depth + 1); });
}

// As SQL has it.
std::string in_quotes(std::string_view value) {
  std::string out = "'";
  for (const char c : value) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

}  // namespace

ProgramWords::ProgramWords(std::string_view text, const Json& tree) : text_(text) {
  if (text.find(kMark) == std::string_view::npos) look(tree, 0);
  std::sort(words_.begin(), words_.end(), [](const Word& a, const Word& b) { return a.begin < b.begin; });
  words_.erase(
      std::unique(words_.begin(), words_.end(), [](const Word& a, const Word& b) { return a.begin == b.begin; }),
      words_.end());
}

std::string ProgramWords::marked() const {
  std::string out;
  std::size_t done = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    out += text_.substr(done, words_[i].begin - done);
    out += fmt::format("{}{}\"", kMark, i);
    done = words_[i].end;
  }
  return out.append(text_.substr(done));
}

std::string ProgramWords::put_back(std::string text) const {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const std::string mark = fmt::format("{}{}\"", kMark, i);
    if (const auto place = text.find(mark); place != std::string::npos)
      text.replace(place, mark.size(), words_[i].kept);
  }
  return text;
}

void ProgramWords::look(const Json& node, int depth) {
  if (depth > kDeepest || !node.is_structured()) return;
  if (node.is_object()) {
    if (const Json& op = at(node, "A_Expr"); op.is_object()) operation(op);
    if (const Json& c = at(node, "FuncCall"); c.is_object()) function(c);
    if (const Json& args = at(at(node, "CoalesceExpr"), "args"); args.is_array() && has_column(args))
      for (const Json& arg : args) sign(arg);
  }
  for (const Json& child : node) look(child, depth + 1);
}

void ProgramWords::operation(const Json& op) {
  const std::string sort = last_name(at(op, "name"));
  const Json &left = at(op, "lexpr"), &right = at(op, "rexpr");
  if (sort == "~~" || sort == "~~*" || sort == "!~~" || sort == "!~~*") return pattern(right);
  if (sort == "||") return sign(left), sign(right);
  if (sort == "%" && has_column(left)) number(right);
}

void ProgramWords::function(const Json& call) {
  const std::string called = last_name(at(call, "funcname"));
  const Json& args = at(call, "args");
  if (!args.is_array()) return;
  if (called == "like_escape" && !args.empty()) return pattern(args[0]);
  if (begins_with_word(called) && args.size() >= 2) return postgres_word(args[0]);
  if (!has_column(args)) return;
  for (const Json& arg : args) {
    if (of_texts(called)) sign(arg);
    if (counts_places(called)) number(arg);
  }
}

// What it looks for stays out; where it may look is what chooses the index.
void ProgramWords::pattern(const Json& node) {
  const Json& call = at(node, "FuncCall");
  const std::string called = last_name(at(call, "funcname"));
  if (const Json& args = at(call, "args"); (called == "lower" || called == "upper") && args.is_array() && !args.empty())
    return pattern(args[0]);
  const Json& constant = bare(node);
  const std::string value = text(at(constant, "sval"), "sval");
  if (pattern_kind(node, false) != "infix" || value.empty()) return;
  const std::size_t before = words_.size();
  keep(constant, in_quotes(value));
  if (words_.size() > before) words_.back().kept = value.back() == '%' ? "'%?%'" : "'%?'";
}

void ProgramWords::postgres_word(const Json& node) {
  const Json& constant = bare(node);
  const std::string value = text(at(constant, "sval"), "sval");
  if (of_postgres(value)) keep(constant, in_quotes(value));
}

void ProgramWords::sign(const Json& node) {
  const Json& constant = bare(node);
  if (!at(constant, "sval").is_object()) return;
  const std::string value = text(at(constant, "sval"), "sval");
  const auto plain = [](char c) {
    return c >= ' ' && c < '\x7f' && c != '\\' && std::isalnum(static_cast<unsigned char>(c)) == 0;
  };
  if (value.size() <= kLongestSign && std::all_of(value.begin(), value.end(), plain)) keep(constant, in_quotes(value));
}

void ProgramWords::number(const Json& node) {
  const Json& constant = bare(node);
  const Json& integer = at(constant, "ival");
  if (!integer.is_object()) return;
  const int value = integer.value("ival", 0);
  if (value >= 0 && value <= kLargest) keep(constant, std::to_string(value));
}

// Only where the text has it just so: E'...', U&'...' and $$...$$ are left to the others.
void ProgramWords::keep(const Json& constant, const std::string& printed) {
  const Json& where = at(constant, "location");
  if (!where.is_number_integer()) return;
  const auto begin = where.get<std::int64_t>();
  if (begin <= 0 || static_cast<std::size_t>(begin) >= text_.size()) return;
  const std::size_t from = static_cast<std::size_t>(begin), end = from + printed.size();
  if (text_.substr(from, printed.size()) != printed) return;
  if (end < text_.size() && (text_[end] == '\'' || text_[end] == '.' || text_[end] == '_' ||
                             std::isalnum(static_cast<unsigned char>(text_[end])) != 0))
    return;
  words_.push_back({from, end, printed});
}

}  // namespace pgvigil::sql
