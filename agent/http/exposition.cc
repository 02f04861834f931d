#include "agent/http/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace pgvigil {

std::string exposition(const std::vector<Family>& families) {
  std::vector<prometheus::MetricFamily> all;
  all.reserve(families.size());
  for (const Family& f : families) {
    const bool counter = f.kind == MetricKind::counter;
    auto& to = all.emplace_back();
    to.name = f.name;
    to.help = f.help;
    to.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    to.metric.reserve(f.samples.size());
    for (const Sample& s : f.samples) {
      auto& m = to.metric.emplace_back();
      for (const Label& l : s.labels) m.label.push_back({l.name, l.value});
      (counter ? m.counter.value : m.gauge.value) = s.value;
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return std::move(out).str();
}

}  // namespace pgvigil
