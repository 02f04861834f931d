#include "agent/settings/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace pgvigil {
namespace {

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_nodes = 100'000;

int from_one(int n) { return n < 0 ? 0 : n + 1; }

class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(node(YamlNode::Kind::null, mark, anchor)); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode n = node(YamlNode::Kind::scalar, mark, anchor);
    n.text = value;
    n.quoted = tag == "!";
    add(std::move(n));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  YamlNode take() { return std::move(root_); }

 private:
  struct Level {
    YamlNode node;
    bool have_key = false;
    YamlNode key;
  };

  [[noreturn]] static void refuse_anchor(const YAML::Mark& mark) {
    throw YamlFault{from_one(mark.line), from_one(mark.column), "anchors and aliases (& and *) are not supported",
                    "write the value out"};
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw YamlFault{from_one(mark.line), from_one(mark.column), "tags (!name) are not supported", "remove the tag"};
  }
  YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) refuse_anchor(mark);
    YamlNode n;
    n.kind = kind;
    n.line = from_one(mark.line);
    n.column = from_one(mark.column);
    if (++nodes_ > max_nodes) throw YamlFault{n.line, n.column, "more than 100000 values", ""};
    return n;
  }
  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    Level level;
    level.node = node(kind, mark, anchor);
    if (levels_.size() >= max_depth) throw YamlFault{level.node.line, level.node.column, "nested too deeply", ""};
    levels_.push_back(std::move(level));
  }
  void close() {
    YamlNode done = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(done));
  }
  void add(YamlNode n) {
    if (levels_.empty()) {
      root_ = std::move(n);
      return;
    }
    Level& top = levels_.back();
    if (top.node.kind == YamlNode::Kind::list) {
      top.node.items.push_back(std::move(n));
    } else if (!top.have_key) {
      if (n.kind != YamlNode::Kind::scalar) throw YamlFault{n.line, n.column, "a key must be a plain word", ""};
      for (const auto& [key, value] : top.node.entries)
        if (key.text == n.text)
          throw YamlFault{n.line, n.column, "\"" + n.text.substr(0, 60) + "\" is given twice",
                          "the first one is in line " + std::to_string(key.line)};
      if (top.node.entries.size() >= 1000) throw YamlFault{n.line, n.column, "more than 1000 keys in one section", ""};
      top.key = std::move(n);
      top.have_key = true;
    } else {
      top.node.entries.emplace_back(std::move(top.key), std::move(n));
      top.have_key = false;
    }
  }

  std::vector<Level> levels_;
  YamlNode root_;
  std::size_t nodes_ = 0;
};

}  // namespace

YamlNode parse_yaml(std::string_view text) {
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    throw YamlFault{0, 0, "is not text: it holds a zero byte", "save it as UTF-8"};
  std::istringstream stream{std::string(text)};
  TreeBuilder builder;
  try {
    YAML::Parser parser(stream);
    const bool any = parser.HandleNextDocument(builder);
    YamlNode root = builder.take();
    if (!any || root.kind == YamlNode::Kind::null) root.kind = YamlNode::Kind::map;
    TreeBuilder second;
    if (any && parser.HandleNextDocument(second)) {
      const YamlNode extra = second.take();
      if (extra.kind != YamlNode::Kind::null)
        throw YamlFault{extra.line, extra.column, "a second document begins here", "keep one document in the file"};
    }
    return root;
  } catch (const YAML::Exception& e) {
    throw YamlFault{from_one(e.mark.line), from_one(e.mark.column), "not valid YAML: " + e.msg, ""};
  }
}

}  // namespace pgvigil
