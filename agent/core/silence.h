// Silences: what nobody is to be told of for a while. Each has an end; one without matchers on a target is its
// maintenance.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

struct Silence {
  std::string id;
  // Globs (* and ?); "" matches everything. A check or object matches a cause of an incident.
  std::string target = {}, check = {}, object = {}, database = {};
  Time from{}, until{};  // [from, until)
  std::string comment = {}, author = {};
  bool operator==(const Silence&) const = default;
};

// What each of its live causes is about is silenced: a table that was silenced does not hide another one.
bool silenced(const std::vector<Silence>& silences, std::string_view target, const Incident& incident, Time now);

// * stands for any text, ? for one character; nothing else is special.
bool matches_glob(std::string_view pattern, std::string_view text);

std::string save_silence(const Silence& silence);
Silence load_silence(const std::string& text);  // throws BadRecording

}  // namespace pgvigil
