#include "checks/plans/sql.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "checks/plans/cut_text.h"
#include "checks/plans/program_words.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

constexpr std::size_t kLongest = 64 * 1024;  // longer texts are blanked by the scanner alone

bool is_identifier_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_identifier_part(char c) { return is_identifier_start(c) || is_digit(c) || c == '$'; }

// Copies SQL with every literal replaced and comments dropped. Works on any bytes, also where a quote is never closed.
class Blanker {
 public:
  enum class Numbers : std::uint8_t { keep, blank };
  // The sign for a blanked literal: `mark`, or $n from `first_parameter` on when that is above 0.
  Blanker(std::string_view in, Numbers numbers, std::string_view mark, int first_parameter)
      : in_(in), numbers_(numbers), mark_(mark), parameter_(first_parameter) {}

  // Without a parser's word for it a backslash before a closing quote may be an escape: then all that follows goes.
  bool careful = false;
  bool of_plan = false;  // "hashed SubPlan 1" is a name

  std::string run() {
    while (at_ < in_.size()) step();
    while (!out_.empty() && out_.back() == ' ') out_.pop_back();
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  void literal() {
    if (parameter_ > 0)
      out_ += fmt::format("${}", parameter_++);
    else
      out_ += mark_;
  }
  void space() {
    if (!out_.empty() && out_.back() != ' ') out_ += ' ';
  }

  void step() {
    const char c = peek();
    if (c == '\'') return string(false);
    if (c == '"') return quoted_identifier();
    if (c == '-' && peek(1) == '-') return line_comment();
    if (c == '/' && peek(1) == '*') return block_comment();
    if (c == '$') return dollar();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_identifier_start(c)) return word();
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\0') {
      ++at_;
      return space();
    }
    out_ += c;
    ++at_;
  }

  void string(bool escapes) {
    ++at_;
    while (at_ < in_.size()) {
      const char c = in_[at_++];
      if (c == '\\' && escapes && at_ < in_.size())
        ++at_;
      else if (c == '\'' && peek() == '\'')
        ++at_;
      else if (c == '\'') {
        if (careful && !escapes && in_[at_ - 2] == '\\') at_ = in_.size();
        break;
      }
    }
    literal();
  }
  void quoted_identifier() {
    const std::size_t from = at_++;
    while (at_ < in_.size() && in_[at_] != '"') ++at_;
    if (at_ < in_.size()) ++at_;
    out_.append(in_.substr(from, at_ - from));
  }
  void line_comment() {
    while (at_ < in_.size() && in_[at_] != '\n') ++at_;
    space();
  }
  void block_comment() {
    int depth = 0;
    do {
      if (peek() == '/' && peek(1) == '*')
        ++depth, at_ += 2;
      else if (peek() == '*' && peek(1) == '/')
        --depth, at_ += 2;
      else
        ++at_;
    } while (depth > 0 && at_ < in_.size());
    at_ = std::min(at_, in_.size());
    space();
  }
  // $1 stays; $tag$ .. $tag$ is a string.
  void dollar() {
    std::size_t end = at_ + 1;
    if (end < in_.size() && is_digit(in_[end])) {
      while (end < in_.size() && is_digit(in_[end])) ++end;
      out_.append(in_.substr(at_, end - at_));
      at_ = end;
      return;
    }
    while (end < in_.size() && is_identifier_part(in_[end]) && in_[end] != '$') ++end;
    if (end >= in_.size() || in_[end] != '$') {
      out_ += in_[at_++];
      return;
    }
    const std::string_view tag = in_.substr(at_, end + 1 - at_);
    const std::size_t close = in_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? in_.size() : close + tag.size();
    literal();
  }
  void number() {
    const std::size_t from = at_;
    while (at_ < in_.size()) {
      const char c = in_[at_];
      const bool exponent = (c == '+' || c == '-') && at_ > from && (in_[at_ - 1] == 'e' || in_[at_ - 1] == 'E');
      if (!is_identifier_part(c) && c != '.' && !exponent) break;
      ++at_;
    }
    const bool name =
        of_plan && (out_.ends_with("(SubPlan ") || out_.ends_with(" SubPlan ") || out_.ends_with("(InitPlan "));
    if (numbers_ == Numbers::blank && !name)
      literal();
    else
      out_.append(in_.substr(from, at_ - from));
  }
  void word() {
    const std::size_t from = at_;
    while (at_ < in_.size() && is_identifier_part(in_[at_])) ++at_;
    std::string_view w = in_.substr(from, at_ - from);
    if (peek() == '\'' && w.size() == 1 && std::string_view("eEbBxXnN").find(w[0]) != std::string_view::npos)
      return string(w[0] == 'e' || w[0] == 'E');
    if (peek() == '&' && peek(1) == '\'' && (w == "u" || w == "U")) {
      ++at_;
      return string(false);
    }
    out_.append(w);
  }

  std::string_view in_;
  Numbers numbers_;
  std::string_view mark_;
  int parameter_;
  std::size_t at_ = 0;
  std::string out_;
};

std::string blank_unparsed(std::string_view text) {
  Blanker blanker(text, Blanker::Numbers::blank, "?", 0);
  blanker.careful = true;
  return blanker.run();
}

int highest_parameter(std::string_view text) {
  int highest = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '$' || !is_digit(text[i + 1])) continue;
    int n = 0;
    for (std::size_t k = i + 1; k < text.size() && is_digit(text[k]) && n < 1'000'000; ++k)
      n = n * 10 + (text[k] - '0');
    highest = std::max(highest, n);
  }
  return highest;
}

std::string hash16(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return fmt::format("{:016x}", h);
}

// An upper bound of how deep the parse tree of `1+1+1+...` and the like gets: words and operators in a row at each
// level of parentheses. A comma, AND, OR or semicolon begins a new branch.
bool too_deep(std::string_view with_literals) {
  constexpr int deepest = 5'000;
  const std::string text = Blanker(with_literals, Blanker::Numbers::keep, "?", 0).run();
  std::vector<int> levels{0};
  int total = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    if (c == '(' || c == '[') {
      levels.push_back(0);
    } else if (c == ')' || c == ']') {
      if (levels.size() > 1) total -= levels.back(), levels.pop_back();
    } else {
      bool branch = c == ',' || c == ';';
      if (is_identifier_part(c)) {
        std::size_t end = i;
        while (end < text.size() && is_identifier_part(text[end])) ++end;
        const std::string_view word = std::string_view(text).substr(i, end - i);
        const auto is = [&](std::string_view keyword) {
          return std::equal(word.begin(), word.end(), keyword.begin(), keyword.end(),
                            [](char a, char b) { return (a | 0x20) == b; });
        };
        branch = is("and") || is("or");
        i = end - 1;
      }
      if (branch)
        total -= levels.back(), levels.back() = 0;
      else
        ++total, ++levels.back();
    }
    if (total > deepest) return true;
  }
  return false;
}

Kind kind_of(const Json& tree) {
  if (!tree.is_object() || at(tree, "stmts").empty()) return Kind::unparsable;
  const Json& statements = at(tree, "stmts");
  if (statements.size() > 1) return Kind::several;

  static constexpr std::array<std::pair<std::string_view, Kind>, 5> kinds{{{"SelectStmt", Kind::select},
                                                                           {"InsertStmt", Kind::insert},
                                                                           {"UpdateStmt", Kind::update},
                                                                           {"DeleteStmt", Kind::remove},
                                                                           {"MergeStmt", Kind::merge}}};
  const auto of = [](const Json& statement) {
    if (statement.is_object())
      for (const auto& [name, k] : kinds)
        if (statement.contains(name)) return k;
    return Kind::utility;
  };
  const Json& statement = statements[0]["stmt"];
  const Kind k = of(statement);
  if (k != Kind::select) return k;
  const Json& select = statement["SelectStmt"];
  if (select.contains("intoClause")) return Kind::utility;
  if (select.contains("withClause") && select["withClause"].contains("ctes"))
    for (const Json& cte : select["withClause"]["ctes"]) {
      const Kind inner = cte.contains("CommonTableExpr") ? of(cte["CommonTableExpr"]["ctequery"]) : Kind::select;
      if (inner != Kind::select) return inner;  // it writes, whatever the outer statement reads
    }
  return Kind::select;
}

// As libpg_query writes it; none when it does not parse.
std::optional<std::string> without_constants(const std::string& text) {
  const PgQueryNormalizeResult normal = pg_query_normalize(text.c_str());
  std::optional<std::string> out;
  if (normal.error == nullptr && normal.normalized_query != nullptr) out = normal.normalized_query;
  pg_query_free_normalize_result(normal);
  return out;
}

}  // namespace

// libpg_query guards the depth of its grammar, but not that of the trees it walks.
bool parsable(std::string_view text) {
  return !text.empty() && text.size() <= kLongest && text.find('\0') == std::string_view::npos && !too_deep(text);
}

Kind kind(std::string_view text) { return kind_of(parse_tree(text)); }

Normalised normalise(std::string_view text) {
  Normalised out;
  if (parsable(text)) {
    const Json tree = parse_tree(text), none;
    const Kind k = kind_of(tree);
    const bool plannable =
        k == Kind::select || k == Kind::insert || k == Kind::update || k == Kind::remove || k == Kind::merge;
    const ProgramWords words(text, plannable ? tree : none);
    std::optional<std::string> half = words.none() ? std::nullopt : without_constants(words.marked());
    const bool with_words = half.has_value();
    if (!half) half = without_constants(std::string(text));
    const PgQueryFingerprintResult print = pg_query_fingerprint(std::string(text).c_str());
    if (half && print.error == nullptr) {
      // It leaves constants of utility statements (COPY, NOTIFY, COMMENT, DEFAULT, CALL) and comments as they are.
      const auto numbers = plannable ? Blanker::Numbers::keep : Blanker::Numbers::blank;
      out.text = Blanker(*half, numbers, "?", highest_parameter(*half) + 1).run();
      if (with_words) out.text = words.put_back(std::move(out.text));
      out.fingerprint = print.fingerprint_str;
      out.parsed = true;
    }
    pg_query_free_fingerprint_result(print);
  }
  if (!out.parsed) {
    out.text = blank_unparsed(text);
    if (out.text.size() > kLongest) {
      std::size_t end = kLongest;
      while (end > 0 && (static_cast<unsigned char>(out.text[end]) & 0xC0) == 0x80) --end;  // not inside a character
      out.text.resize(end);
    }
    out.fingerprint = hash16(cut_skeleton(out.text));
  }
  return out;
}

std::size_t parameters(std::string_view text) {
  return static_cast<std::size_t>(highest_parameter(Blanker(text, Blanker::Numbers::keep, "?", 0).run()));
}

std::string blank_literals(std::string_view expression) {
  Blanker blanker(expression, Blanker::Numbers::blank, "?", 0);
  blanker.of_plan = true;
  return blanker.run();
}

std::string quote_identifier(std::string_view name) {
  // Every keyword of 13 to 18 that is not unreserved.
  static constexpr std::string_view keywords =
      " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean"
      " both case cast char character check coalesce collate collation column concurrently constraint create"
      " cross current_catalog current_date current_role current_schema current_time current_timestamp"
      " current_user dec decimal default deferrable desc distinct do else end except exists extract false"
      " fetch float for foreign freeze from full grant greatest group grouping having ilike in initially"
      " inner inout int integer intersect interval into is isnull join json json_array json_arrayagg"
      " json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value"
      " lateral leading least left like limit localtime localtimestamp merge_action national natural nchar"
      " none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay"
      " placing position precision primary real references returning right row select session_user setof"
      " similar smallint some substring symmetric system_user table tablesample then time timestamp to"
      " trailing treat trim true union unique user using values varchar variadic verbose when where window"
      " with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot"
      " xmlserialize xmltable ";
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const bool safe = !name.empty() && plain(name[0]) &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || is_digit(c); }) &&
                    keywords.find(" " + std::string(name) + " ") == std::string_view::npos;
  if (safe) return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace pgvigil::sql
