// The sentences that every form of a report for people shares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

// OK, INFO, WARNING, CRITICAL; or UNKNOWN: "OK as far as could be seen" is no OK.
std::string verdict_word(const Report& report);
bool is_unsure(const Report& report);
// The first two lines, which are the answer: what is wrong, then why or what is near.
std::string first_line(const Report& report);         // without the verdict
std::string_view second_label(const Report& report);  // CAUSE, SYMPTOM or ""

struct Fact {
  std::string_view label;  // SERVER, LOAD, TABLES, USE, HARM
  std::string text;
};
std::vector<Fact> facts(const Report& report);

std::string told(const Finding& finding, double active);  // its sentence, and its share of the load
std::string told(const RuledOut& fine);
std::string told(const OwnCost& cost);

// The steps of every finding, each once: the straight path, then the ways for when it is closed. First aid comes in
// the order of load relieved per minute.
struct Steps {
  std::vector<const Step*> straight, other;
  std::vector<std::string> words;  // of remedies that cannot be pasted: "start the standby again"
  bool empty() const { return straight.empty() && other.empty() && words.empty(); }
};
Steps steps(const Report& report, Remedy::Kind kind);
std::string told(const Preflight& p);  // its phrase, and what to do about it
std::string place(const Step& step);   // "in database shop, as owner; relieves ...; takes ...; lock ..."

}  // namespace pgvigil
