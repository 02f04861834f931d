#include "checks/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pgvigil {
namespace {

// Length of the valid UTF-8 sequence at s[i], 0 when there is none.
std::size_t utf8_length(std::string_view s, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
  const unsigned char first = byte(i);
  std::size_t n = first < 0x80                    ? 1
                  : first >= 0xC2 && first < 0xE0 ? 2
                  : (first & 0xF0) == 0xE0        ? 3
                  : first >= 0xF0 && first < 0xF5 ? 4
                                                  : 0;
  if (n == 0 || i + n > s.size()) return 0;
  for (std::size_t k = 1; k < n; ++k)
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
  if (n == 3 && ((first == 0xE0 && byte(i + 1) < 0xA0) || (first == 0xED && byte(i + 1) > 0x9F))) return 0;
  if (n == 4 && ((first == 0xF0 && byte(i + 1) < 0x90) || (first == 0xF4 && byte(i + 1) > 0x8F))) return 0;
  return n;
}

std::string valid_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t n = utf8_length(s, i);
    if (n == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      out.append(s, i, n);
      i += n;
    }
  }
  return out;
}

template <class T>
T parse_number(const std::string& text, const char* type) {
  T v{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size())
    throw DecodeError(fmt::format("\"{}\" is not a {}", valid_utf8(text.substr(0, 40)), type));
  return v;
}

const std::string& not_null(const Cell& cell) {
  if (!cell) throw DecodeError("unexpected NULL");
  return *cell;
}

// One-dimensional array literal: {a,"b \"c\"",NULL}. An element that is NULL becomes "".
std::vector<std::string> parse_array(std::string_view s) {
  const DecodeError bad("not an array");
  if (s.size() < 2 || s.front() != '{' || s.back() != '}') throw bad;
  s = s.substr(1, s.size() - 2);
  std::vector<std::string> all;
  if (s.empty()) return all;
  for (std::size_t i = 0;; ++i) {  // at the start of an element
    std::string item;
    if (i < s.size() && s[i] == '"') {
      for (++i; i < s.size() && s[i] != '"'; ++i) {
        if (s[i] == '\\' && ++i == s.size()) throw bad;
        item += s[i];
      }
      if (i++ == s.size()) throw bad;  // no closing quote
    } else {
      while (i < s.size() && s[i] != ',') {
        if (s[i] == '"' || s[i] == '\\' || s[i] == '{' || s[i] == '}') throw bad;
        item += s[i++];
      }
      if (item.empty()) throw bad;
      if (item == "NULL") item.clear();
    }
    all.push_back(std::move(item));
    if (i == s.size()) return all;
    if (s[i] != ',') throw bad;
  }
}

}  // namespace

void decode_cell(const Cell& cell, bool& out) {
  const std::string& s = not_null(cell);
  if (s != "t" && s != "f") throw DecodeError("not a boolean");
  out = s == "t";
}
void decode_cell(const Cell& cell, std::int64_t& out) { out = parse_number<std::int64_t>(not_null(cell), "bigint"); }
void decode_cell(const Cell& cell, double& out) {
  const std::string& s = not_null(cell);
  if (s == "NaN")
    out = NAN;
  else if (s == "Infinity")
    out = INFINITY;
  else if (s == "-Infinity")
    out = -INFINITY;
  else
    out = parse_number<double>(s, "double precision");
}
void decode_cell(const Cell& cell, std::string& out) { out = cell ? valid_utf8(*cell) : std::string(); }
void decode_cell(const Cell& cell, std::optional<std::int64_t>& out) {
  if (!cell) return out.reset();
  decode_cell(cell, out.emplace());
}
void decode_cell(const Cell& cell, std::optional<double>& out) {
  if (!cell) return out.reset();
  decode_cell(cell, out.emplace());
}
void decode_cell(const Cell& cell, std::vector<std::int64_t>& out) {
  out.clear();
  if (!cell) return;
  for (const std::string& s : parse_array(*cell)) out.push_back(parse_number<std::int64_t>(s, "bigint"));
}
void decode_cell(const Cell& cell, std::vector<std::string>& out) {
  out.clear();
  if (!cell) return;
  for (const std::string& s : parse_array(*cell)) out.push_back(valid_utf8(s));
}

Cell encode_cell(bool v) { return v ? "t" : "f"; }
Cell encode_cell(std::int64_t v) { return std::to_string(v); }
Cell encode_cell(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", v);
}
Cell encode_cell(const std::string& v) { return v; }
Cell encode_cell(const std::optional<std::int64_t>& v) { return v ? encode_cell(*v) : Cell(); }
Cell encode_cell(const std::optional<double>& v) { return v ? encode_cell(*v) : Cell(); }
Cell encode_cell(const std::vector<std::int64_t>& v) { return fmt::format("{{{}}}", fmt::join(v, ",")); }
Cell encode_cell(const std::vector<std::string>& v) {
  std::string out = "{";
  for (const std::string& s : v) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (char c : s) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

std::string_view AnyProbe::sql(int version_num) const {
  std::string_view text;
  int best = 0;
  for (const VersionedSql& v : about_.sql)
    if (v.from_version_num <= version_num && v.from_version_num > best) {
      best = v.from_version_num;
      text = v.text;
    }
  return text;
}

std::size_t AnyProbe::column(std::string_view name) const {
  const auto all = columns();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return i;
  throw std::out_of_range(fmt::format("probe {} has no column {}", id(), name));
}

Sheet AnyProbe::encode(const Rows& rows) const {
  Sheet sheet;
  for (const ColumnInfo& c : columns()) sheet.columns.emplace_back(c.name);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    auto& cells = sheet.rows.emplace_back();
    for (std::size_t c = 0; c < sheet.columns.size(); ++c) cells.push_back(rows.cell(r, c));
  }
  return sheet;
}

std::vector<std::size_t> place_columns(const AnyProbe& probe, const Sheet& sheet, int version_num) {
  std::vector<std::size_t> place;
  for (const ColumnInfo& c : probe.columns()) {
    const auto it = std::find(sheet.columns.begin(), sheet.columns.end(), c.name);
    if (it != sheet.columns.end())
      place.push_back(static_cast<std::size_t>(it - sheet.columns.begin()));
    else if (c.since > version_num || version_num == as_saved)
      place.push_back(SIZE_MAX);
    else
      throw DecodeError(fmt::format("probe {}: the answer has no column {}", probe.id(), c.name));
  }
  return place;
}

const AnyProbe* find_probe(std::string_view id) {
  for (const AnyProbe* p : all_probes())
    if (p->id() == id) return p;
  return nullptr;
}

}  // namespace pgvigil
