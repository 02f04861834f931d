#include "agent/settings/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace pgvigil {
namespace {

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 40)) out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

bool is_variable_name(std::string_view s) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !s.empty() && letter(s.front()) &&
         std::all_of(s.begin(), s.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return "a single value";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a section";
  }
  return "something else";
}

}  // namespace

void Loading::error(const YamlNode& at, std::string message, std::string hint) {
  errors.push_back({filename, at.line, at.column, std::move(message), std::move(hint)});
}

std::string nearest(std::string_view wrong, const std::vector<std::string>& words) {
  if (wrong.size() > 80) return "";
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string& word : words)
    if (const std::size_t d = edit_distance(wrong, word); d < best_distance) {
      best_distance = d;
      best = word;
    }
  return best;
}

Section::Section(const YamlNode& node, std::string name, Loading& loading)
    : node_(&node), name_(std::move(name)), loading_(&loading) {
  if (node.kind != YamlNode::Kind::map && node.kind != YamlNode::Kind::null)
    loading.error(node, fmt::format("{} is {}, expected a section of \"key: value\" lines",
                                    name_.empty() ? "the file" : name_, kind_name(node.kind)));
}

const YamlNode* Section::find(std::string_view key) const {
  if (node_->kind != YamlNode::Kind::map) return nullptr;
  for (const auto& [k, value] : node_->entries)
    if (k.text == key) return &value;
  return nullptr;
}

const YamlNode* Section::take(std::string_view key) {
  known_.emplace_back(key);
  const YamlNode* value = find(key);
  return value != nullptr && value->kind == YamlNode::Kind::null ? nullptr : value;  // "key:" alone keeps the default
}

const YamlNode& Section::at(std::string_view key) const {
  const YamlNode* value = find(key);
  return value == nullptr ? *node_ : *value;
}

std::optional<std::string> Section::expanded(std::string_view key, const YamlNode& value) {
  if (value.kind != YamlNode::Kind::scalar) {
    loading_->error(value, fmt::format("{} is {}, expected a single value", key, kind_name(value.kind)));
    return std::nullopt;
  }
  const std::string_view s = value.text;
  if (s.find("${") == std::string_view::npos) return value.text;
  const std::string variable(s.size() > 3 ? s.substr(2, s.size() - 3) : "");
  if (!s.starts_with("${") || !s.ends_with('}') || !is_variable_name(variable)) {
    loading_->error(value, fmt::format("{}: an environment variable must be the whole value", key),
                    fmt::format("write \"{}: ${{NAME}}\"", key));
    return std::nullopt;
  }
  auto found = loading_->sources->environment ? loading_->sources->environment(variable) : std::nullopt;
  if (!found)
    loading_->error(value, fmt::format("{}: the environment variable {} is not set", key, variable),
                    fmt::format("export {}, or write the value here", variable));
  return found;
}

bool Section::text(std::string_view key, std::string& out) {
  const YamlNode* value = take(key);
  if (value == nullptr) return false;
  auto got = expanded(key, *value);
  if (got && got->find('\n') != std::string::npos) {
    loading_->error(*value, fmt::format("{} has more than one line", key));
    got.reset();
  }
  if (got) out = std::move(*got);
  return got.has_value();
}

bool Section::verbatim(std::string_view key, std::string& out) {
  const YamlNode* value = take(key);
  if (value == nullptr) return false;
  if (value->kind != YamlNode::Kind::scalar) {
    loading_->error(*value, fmt::format("{} is {}, expected text", key, kind_name(value->kind)));
    return false;
  }
  out = value->text;
  return true;
}

bool Section::secret(std::string_view key, std::string& out) {
  const std::string file_key = std::string(key) + "_file";
  std::string path;
  const YamlNode* value = find(key);
  const bool given = value != nullptr && value->kind != YamlNode::Kind::null;
  if (given && value->kind == YamlNode::Kind::scalar && !value->text.starts_with("${")) loading_->inline_secret = true;
  const bool right = text(key, out);
  if (!text(file_key, path)) return right;
  if (given) {
    error(file_key, fmt::format("{} and {} are both given", key, file_key), "keep one of them");
    return false;
  }
  const auto file =
      loading_->sources->read_file ? loading_->sources->read_file(path) : SettingsSources::File{"", "cannot be read"};
  if (!file.error.empty()) {
    error(file_key, fmt::format("{}: \"{}\" {}", file_key, shown(path), file.error));
    return false;
  }
  std::string first = file.text.substr(0, file.text.find('\n'));
  if (!first.empty() && first.back() == '\r') first.pop_back();
  if (first.empty() || first.find('\0') != std::string::npos) {
    error(file_key, fmt::format("{}: the first line of \"{}\" is {}", file_key, shown(path),
                                first.empty() ? "empty" : "not text"));
    return false;
  }
  if (file.mode & 0007)
    loading_->warnings.push_back(fmt::format("{} holds a secret and everybody may read it: chmod 640 it", shown(path)));
  out = std::move(first);
  return true;
}

bool Section::flag(std::string_view key, bool& out) {
  const YamlNode* value = take(key);
  if (value == nullptr) return false;
  const auto got = expanded(key, *value);
  if (!got) return false;
  if (*got != "true" && *got != "false") {
    loading_->error(*value, fmt::format("{} is \"{}\", expected true or false", key, shown(value->text)));
    return false;
  }
  out = *got == "true";
  return true;
}

bool Section::number(std::string_view key, Unit unit, double& out, Range range) {
  const YamlNode* value = take(key);
  if (value == nullptr) return false;
  const auto text = expanded(key, *value);
  if (!text) return false;
  const auto got = parse_setting(*text, unit);
  if (!got) {
    loading_->error(*value, fmt::format("{} is \"{}\", expected {}", key, shown(value->text), setting_form(unit)));
    return false;
  }
  if (*got < range.low || *got > range.high) {
    const bool percent_forgotten =
        unit == Unit::ratio && *got > range.high && *got <= 100 && text->find('%') == std::string::npos;
    loading_->error(*value,
                    fmt::format("{} is \"{}\", expected {} to {}", key, shown(value->text),
                                format_setting(range.low, unit), format_setting(range.high, unit)),
                    percent_forgotten ? fmt::format("write \"{} %\"", shown(*text)) : "");
    return false;
  }
  out = *got;
  return true;
}

bool Section::choice(std::string_view key, const std::vector<std::string_view>& words, std::size_t& out) {
  const YamlNode* value = take(key);
  if (value == nullptr) return false;
  const auto got = expanded(key, *value);
  if (!got) return false;
  const auto it = std::find(words.begin(), words.end(), *got);
  if (it == words.end()) {
    loading_->error(*value, fmt::format("{} is \"{}\", expected {}", key, shown(value->text), fmt::join(words, ", ")));
    return false;
  }
  out = static_cast<std::size_t>(it - words.begin());
  return true;
}

bool Section::texts(std::string_view key, std::vector<std::string>& out) {
  const YamlNode* all = list(key);
  if (all == nullptr) return false;
  std::vector<std::string> got;
  for (const YamlNode& item : all->items) {
    if (item.kind != YamlNode::Kind::scalar || item.text.empty()) {
      loading_->error(item, fmt::format("{} holds {}, expected names", key, kind_name(item.kind)));
      return false;
    }
    got.push_back(item.text);
  }
  out = std::move(got);
  return true;
}

bool Section::values(std::string_view key, std::vector<Cell>& out) {
  const YamlNode* all = list(key);
  if (all == nullptr) return false;
  std::vector<Cell> got;
  for (const YamlNode& item : all->items) {
    if (item.kind == YamlNode::Kind::null) {
      got.emplace_back();
    } else if (item.kind == YamlNode::Kind::scalar) {
      got.emplace_back(item.text);
    } else {
      loading_->error(item, fmt::format("{} holds {}, expected texts, numbers or null", key, kind_name(item.kind)));
      return false;
    }
  }
  out = std::move(got);
  return true;
}

const YamlNode* Section::map(std::string_view key) {
  const YamlNode* value = take(key);
  if (value == nullptr || value->kind == YamlNode::Kind::map) return value;
  loading_->error(*value,
                  fmt::format("{} is {}, expected a section of \"key: value\" lines", key, kind_name(value->kind)));
  return nullptr;
}

const YamlNode* Section::list(std::string_view key) {
  const YamlNode* value = take(key);
  if (value == nullptr || value->kind == YamlNode::Kind::list) return value;
  loading_->error(*value, fmt::format("{} is {}, expected a list", key, kind_name(value->kind)),
                  "begin each item with \"- \"");
  return nullptr;
}

void Section::finish() {
  if (node_->kind != YamlNode::Kind::map) return;
  for (const auto& [key, value] : node_->entries) {
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
    const std::string near = nearest(key.text, known_);
    loading_->error(key, fmt::format("unknown key \"{}\"{}", shown(key.text), name_.empty() ? "" : " in " + name_),
                    near.empty() ? fmt::format("known keys: {}", fmt::join(known_, ", "))
                                 : fmt::format("did you mean \"{}\"?", near));
  }
}

}  // namespace pgvigil
