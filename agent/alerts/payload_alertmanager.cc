#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

// Labels are what Alertmanager knows an alert by: the names stay those of the first edge, whatever leads it now.
json labels(const Notice& n, const Reach& reach) {
  json all{{"alertname", n.first_check},
           {"severity", to_string(reach.severity)},
           {"act_by", to_string(reach.act_by)},
           {"target", one_line(n.target)},
           {"object", cut(one_line(n.first_object.name), 300)},
           {"object_kind", n.first_object.kind},
           {"dedup_key", n.key}};
  if (!n.first_object.database.empty()) all["database"] = one_line(n.first_object.database);
  return all;
}

}  // namespace

std::string alertmanager_payload(const Notice& n, const Message& m) {
  json alert{{"labels", labels(n, n.reach)},
             {"annotations", annotations(n, m)},
             {"startsAt", rfc3339(std::min(n.started, n.at))}};
  if (const std::string page = page_url(m); !page.empty()) alert["generatorURL"] = page;
  if (n.edge == Notice::Edge::resolved) alert["endsAt"] = rfc3339(n.at);
  json all = json::array({alert});
  if (n.edge == Notice::Edge::update && !(n.before == n.reach)) {  // got worse: another alert to Alertmanager
    json before = alert;
    before["labels"] = labels(n, n.before);
    before.erase("startsAt");  // over: see completed()
    all.push_back(before);
  }
  return dumped(all);
}

}  // namespace pgvigil
