// Texts that pg_stat_statements has normalised are not always SQL any more: a parameter stands where the grammar wants
// a literal, or where the server cannot guess its type. Guided by what the server complains about, this finds a text
// and parameter types that it takes.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::sql {

struct Complaint {
  std::string sqlstate, message;
  std::size_t position = 0;  // in characters of the text, from 1; 0: not said
};

class Repair {
 public:
  explicit Repair(std::string text);

  const std::string& text() const { return text_; }
  // OIDs of the parameters' types; 0 leaves one to the server.
  const std::vector<unsigned>& types() const { return types_; }
  // Changes the text or the types after a refusal. False: nothing is left to try.
  bool after(const Complaint& complaint);
  // What was changed, in a few words; "" when nothing was.
  std::string what() const;

 private:
  bool respell();
  bool unify();
  bool retype(const std::vector<std::size_t>& parameters, bool arrays_first);

  std::string text_;
  std::vector<unsigned> types_;
  std::map<std::vector<std::size_t>, std::size_t> tried_;  // types tried, by the parameters that share them
  bool respelled_ = false, unified_ = false;
};

}  // namespace pgvigil::sql
