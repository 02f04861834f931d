#include "agent/core/render_nagios.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/core/report_words.h"
#include "agent/core/text.h"

namespace pgvigil {

std::string render_nagios(const Report& r) {
  constexpr std::size_t readable = 400;  // bytes; what follows is for the other forms
  std::string text = first_line(r);
  if (!r.reason.empty()) text += "; " + r.reason;
  text = cut(one_line(text), readable);
  std::replace(text.begin(), text.end(), '|', '/');  // what follows a bar is figures

  // No warning and critical levels: what decides is not one figure.
  std::string figures;
  if (r.load.samples > 0) figures += fmt::format(" load={:.2f};;;0", r.load.active);
  if (r.load.vcpus) figures += fmt::format(" vcpus={:g};;;0", *r.load.vcpus);
  if (r.cpu_busy) figures += fmt::format(" cpu={:.0f}%;;;0;100", 100 * *r.cpu_busy);
  if (r.connections_used && r.connections_max)
    figures += fmt::format(" connections={:.0f};;;0;{:.0f}", *r.connections_used, *r.connections_max);
  figures += fmt::format(" incidents={};;;0 blind_spots={};;;0", r.incidents.size(), r.blind_spots.size());
  return fmt::format("PGVIGIL {} - {} |{}", r.reachable ? verdict_word(r) : "UNKNOWN", text, figures);
}

}  // namespace pgvigil
