// One section of the configuration: typed access that remembers which keys exist, so that the others can be refused
// with the nearest one. A mistake is reported where it stands and the value keeps its default.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/setting_values.h"
#include "agent/settings/settings.h"
#include "agent/settings/yaml_tree.h"

namespace pgvigil {

// What one load gathers.
struct Loading {
  std::string filename;
  const SettingsSources* sources = nullptr;
  std::vector<SettingsError> errors = {};
  std::vector<std::string> warnings = {};
  bool inline_secret = false;  // the file itself holds one

  void error(const YamlNode& at, std::string message, std::string hint = "");
};

struct Range {
  double low = 0, high = 0;  // inclusive
};

class Section {
 public:
  Section(const YamlNode& node, std::string name, Loading& loading);  // reports a node that is not a map

  // Each leaves `out` alone when the key is absent or wrong. `true` when it was given and right.
  bool text(std::string_view key, std::string& out);      // ${NAME} as the whole value comes from the environment
  bool verbatim(std::string_view key, std::string& out);  // never expanded: SQL, commands
  bool secret(std::string_view key, std::string& out);    // `key`, ${NAME}, or the first line of the file `key_file`
  bool flag(std::string_view key, bool& out);
  bool number(std::string_view key, Unit unit, double& out, Range range);
  bool choice(std::string_view key, const std::vector<std::string_view>& words, std::size_t& out);
  bool texts(std::string_view key, std::vector<std::string>& out);
  bool values(std::string_view key, std::vector<Cell>& out);  // a list of single values, never expanded; null is none
  const YamlNode* map(std::string_view key);                  // null when absent or not a map
  const YamlNode* list(std::string_view key);                 // null when absent or not a list

  const YamlNode& at(std::string_view key) const;  // for an error of one's own; the section when the key is absent
  bool has(std::string_view key) const { return find(key) != nullptr; }
  void error(std::string_view key, std::string message, std::string hint = "") {
    loading_->error(at(key), std::string(message), std::move(hint));
  }
  void finish();  // refuses the keys nobody asked for

 private:
  const YamlNode* find(std::string_view key) const;
  const YamlNode* take(std::string_view key);
  std::optional<std::string> expanded(std::string_view key, const YamlNode& value);

  const YamlNode* node_;
  std::string name_;  // "http", "targets[0]"; "" for the whole file
  Loading* loading_;
  std::vector<std::string> known_;
};

// The word that `wrong` is most likely meant to be; "" when none is near.
std::string nearest(std::string_view wrong, const std::vector<std::string>& words);

}  // namespace pgvigil
