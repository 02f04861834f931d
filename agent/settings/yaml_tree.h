// A YAML document as a small tree with places. Anchors, aliases, tags, duplicate keys and depth are refused here,
// so that nothing behind it can be made to expand.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgvigil {

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 1, column = 1;
  std::string text = {};  // of a scalar
  bool quoted = false;    // a quoted scalar is always text
  std::vector<YamlNode> items = {};
  std::vector<std::pair<YamlNode, YamlNode>> entries = {};  // keys are scalars, each once
};

struct YamlFault {
  int line = 0, column = 0;
  std::string message, hint;
};

// An empty document is an empty map. Throws YamlFault.
YamlNode parse_yaml(std::string_view text);

}  // namespace pgvigil
