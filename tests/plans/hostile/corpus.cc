#include "tests/plans/hostile/corpus.h"

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace pgvigil::hostile {
namespace {

// {N*X} is X N times, {xHH} a byte, {ours} a name like those of our prepared statements, {port} a number.
std::string expand(const std::string& in, int port) {
  static const std::regex mark(R"(\{(?:(\d+)\*([^{}]*)|((?:x[0-9a-f]{2})+)|(ours)|(port))\})");
  std::string out;
  auto at = in.cbegin();
  for (std::sregex_iterator it(in.begin(), in.end(), mark), end; it != end; ++it) {
    const std::smatch& m = *it;
    out.append(at, m[0].first);
    at = m[0].second;
    if (m[1].matched)
      for (int n = std::stoi(m[1]); n > 0; --n) out += m[2].str();
    else if (m[3].matched)
      out += static_cast<char>(std::stoi(m[3].str().substr(1), nullptr, 16));
    else
      out += m[4].matched ? std::string("pgvigil_0123456789abcdef") : std::to_string(port);
  }
  return out.append(at, in.cend());
}

struct Section {
  std::string kind, name, result, marks, body;
  std::vector<std::string> texts;  // of an object
  bool has(const std::string& mark) const { return marks.find(mark) != std::string::npos; }
};

std::vector<Section> sections(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  static const std::regex head(R"(-- (function|object|text): (\w+)( =( \w+)?)?( \| .*)?)");
  std::vector<Section> all;
  for (std::string line; std::getline(file, line);) {
    std::smatch m;
    if (std::regex_match(line, m, head)) {
      std::string result = m[4];
      if (!result.empty()) result.erase(0, 1);
      all.push_back({m[1], m[2], result, m[5], "", {}});
    } else if (!all.empty() && all.back().kind == "object" && line.starts_with("-- text: ")) {
      all.back().texts.push_back(line.substr(9));
    } else if (!all.empty()) {
      all.back().body += line + "\n";
    }
  }
  for (Section& s : all)
    while (s.body.ends_with("\n")) s.body.pop_back();
  return all;
}

// Only to us it does harm: its owner runs it when he makes an index of it, the test when it looks at his tables.
std::string function(const Section& s, const std::string& body) {
  return "create function evil." + s.name + "_act() returns text volatile language plpgsql as $hostile$ begin\n" +
         "if session_user not in ('vigil_reader', 'vigil_super') then return 'x'; end if;\nraise log 'hostile function "
         "%', '" +
         s.name + "';\n" + body + "\nreturn 'x'; end $hostile$; create function evil." + s.name +
         "() returns text immutable language plpgsql as 'begin return evil." + s.name + "_act(); end'";
}

}  // namespace

Corpus read_corpus(const std::string& folder, int major, const std::string& extensions, int port) {
  Corpus out;
  static const std::regex from(R"(from (\d+))"), needs(R"(needs (\w+))");
  for (const char* file : {"functions.sql", "objects.sql", "texts.sql"})
    for (const Section& s : sections(folder + "/" + file)) {
      std::smatch m;
      if (std::regex_search(s.marks, m, from) && std::stoi(m[1]) > major) continue;
      if (std::regex_search(s.marks, m, needs) && extensions.find(" " + m[1].str() + " ") == std::string::npos)
        continue;
      Text text{.name = s.name, .sql = {}, .result = s.result, .must_run = {}, .must_not = {}};
      text.ours_only = s.has("ours only");
      text.holds = s.has("holds");
      text.floods = s.has("floods");
      if (s.kind == "function") {
        ++out.functions;
        out.setup.push_back(function(s, expand(s.body, port)));
        text.sql = "select id from app.orders where state = evil." + s.name + "()";
        text.must_run = "hostile function " + s.name;
        out.texts.push_back(text);
      } else if (s.kind == "object") {
        ++out.objects;
        if (!s.body.empty()) out.setup.push_back(expand(s.body, port));
        (s.has("no call") ? text.must_not : text.must_run) = text.holds ? "" : "hostile object " + s.name;
        for (const std::string& sql : s.texts) {
          text.sql = sql;
          out.texts.push_back(text);
          text.must_run.clear();  // by one of them is enough
          text.name += "'";
        }
      } else {
        ++out.plain;
        text.sql = expand(s.body, port);
        out.texts.push_back(text);
      }
    }
  return out;
}

}  // namespace pgvigil::hostile
