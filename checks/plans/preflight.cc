#include "checks/plans/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "checks/plans/preflight_parts.h"
#include "checks/plans/role_settings.h"
#include "checks/probes/plan_indexes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using preflights::Build;
using preflights::Outcome;
using preflights::Part;
using preflights::Statement;
using Kind = Pasted::Kind;

constexpr std::size_t most_items = 20, longest_phrase = 240;

std::string qualified(const std::string& schema, const std::string& relation) {
  return (schema.empty() ? "" : sql::quote_identifier(schema) + ".") + sql::quote_identifier(relation);
}

const Index* find_index(const Input& in, const std::string& database, const std::string& name) {
  for (const auto* probe : {&plan_indexes, &indexes})
    for (const Index& i : in.now(*probe))
      if (i.database == database && i.name == name) return &i;
  return nullptr;
}

class Judge {
 public:
  explicit Judge(const Input& in) : in_(in) {
    for (const Server& s : in.now(server)) server_ = &s;
  }

  void remedy(Remedy& r) {
    dropped_.clear();
    for (Step& s : r.steps) {
      try {
        s.preflight = step(s);
      } catch (const std::exception& e) {  // costs only itself, and is never a pass
        s.preflight = whole({{{.what = "preflight", .outcome = Outcome::unknown, .figure = e.what()}}});
      }
    }
  }

 private:
  std::optional<Preflight> step(const Step& s) {
    if (s.sql.empty()) return std::nullopt;
    const std::vector<Pasted> statements = pasted(s.sql);
    std::vector<Part> all;
    if (statements.empty())
      all.push_back({{.what = "statement", .outcome = Outcome::unknown, .figure = "pgvigil cannot read it"}});
    own_.clear();
    for (const Pasted& p : statements) {
      if (p.kind == Kind::set) own_[p.name] = p.value;
      if (p.changes()) statement(s, p, all);
      if (p.kind == Kind::drop_index) dropped_.insert(qualified(p.schema, p.relation));
    }
    return all.empty() ? std::nullopt : std::optional(whole(all));
  }

  void statement(const Step& step, const Pasted& p, std::vector<Part>& all) {
    Statement s{.in = &in_, .step = &step, .does = &p, .own = own_};
    if (server_ != nullptr) {
      s.server = with_settings_of(*server_, in_, step.run_as, step.database);
      for (const auto& [name, value] : own_) set(*s.server, name, value);
      s.home = server_->database == step.database;
    }
    if (!p.relation.empty()) place(s);
    std::vector<Part> own = rules(s, dropped_);
    const auto add = [&](std::optional<Part> part) {
      if (part) own.push_back(std::move(*part));
    };
    const std::optional<Build> b = build(s);
    if (b)
      for (Part& part : room(s, *b)) add(std::move(part));
    add(transactions(s));
    add(maintenance(s));
    const auto wait =
        std::find_if(own.begin(), own.end(), [](const Part& x) { return x.item.outcome == Outcome::wait; });
    if (p.takes_time()) {
      const double expected = b && b->seconds > 0 ? b->seconds : step.minutes * 60;
      add(limits(s, wait == own.end() ? nullptr : &*wait, expected > 0 ? std::optional(expected) : std::nullopt));
    }
    for (Part& x : own)
      if (all.size() < most_items && std::none_of(all.begin(), all.end(), [&](const Part& y) {
            return x.item.what == y.item.what && x.item.figure == y.item.figure;
          }))
        all.push_back(std::move(x));
  }

  void place(Statement& s) {
    if (!catalogue_) catalogue_.emplace(in_);
    const Pasted& p = *s.does;
    s.name = qualified(p.schema, p.relation);
    if (p.names_index) {
      s.index = find_index(in_, s.step->database, s.name);
      s.name = s.index == nullptr ? "" : s.index->table;
      if (s.index != nullptr) s.table = catalogue_->named(s.step->database, s.name);
      return;
    }
    s.table = catalogue_->find(s.step->database, p.schema, p.relation);
    if (s.table != nullptr) s.name = s.table->table.name;
  }

  static Preflight whole(const std::vector<Part>& all) {
    Preflight f{.outcome = Outcome::pass, .phrase = {}, .items = {}};
    std::vector<std::string> fails, waits, unseen;
    for (const Part& p : all) {
      f.items.push_back(p.item);
      f.outcome = std::max(f.outcome, p.item.outcome);
      if (p.item.outcome == Outcome::fail) fails.push_back(p.item.figure);
      if (p.item.outcome == Outcome::wait) waits.push_back(p.phrase.empty() ? p.item.figure : p.phrase);
      if (p.item.outcome == Outcome::unknown) unseen.push_back(p.item.what);
    }
    if (f.outcome == Outcome::fail)
      f.phrase = "would fail: " + words::list(fails, 2) +
                 (waits.empty() ? std::string() : "; waits for " + words::list(waits, 1));
    else if (f.outcome == Outcome::wait)
      f.phrase = "waits for " + words::list(waits, 2);
    else if (f.outcome == Outcome::unknown)
      f.phrase = fmt::format("{}not looked at: {}", unseen.size() < all.size() ? "nothing seen in its way; " : "",
                             words::list(unseen, 4));
    else
      f.phrase = "goes through now";
    f.phrase = words::one_line(f.phrase, longest_phrase);
    return f;
  }

  const Input& in_;
  const Server* server_ = nullptr;
  std::optional<Catalogue> catalogue_;
  std::set<std::string> dropped_;  // index names that earlier statements of the remedy set free
  std::map<std::string, std::string> own_;
};

}  // namespace

void preflight(const Input& in, const std::vector<Remedy*>& remedies) {
  Judge judge(in);
  for (Remedy* r : remedies) judge.remedy(*r);
}

}  // namespace pgvigil
