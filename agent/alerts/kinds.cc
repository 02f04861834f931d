#include "agent/alerts/kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

constexpr std::size_t most_titles = 10;

}  // namespace

std::string payload(ReceiverKind kind, const Notice& notice, const Message& message, std::string_view receiver) {
  switch (kind) {
    case ReceiverKind::slack:
      return slack_payload(message);
    case ReceiverKind::mattermost:
      return mattermost_payload(message);
    case ReceiverKind::teams:
      return teams_payload(message);
    case ReceiverKind::discord:
      return discord_payload(message);
    case ReceiverKind::pagerduty:
      return pagerduty_payload(notice, message);
    case ReceiverKind::webhook:
      return webhook_payload(notice, message, receiver);
    case ReceiverKind::alertmanager:
      return alertmanager_payload(notice, message);
  }
  return "";
}

std::string completed(ReceiverKind kind, std::string payload, std::string_view routing_key, Time now,
                      double alert_lives) {
  if (kind == ReceiverKind::pagerduty) {
    json body = json::parse(payload);
    body["routing_key"] = routing_key;
    return dumped(body);
  }
  if (kind == ReceiverKind::alertmanager) {
    json body = json::parse(payload);
    for (json& alert : body) {
      // What is over begins now, too: a member that has forgotten it would tell an old one at once, and alone.
      const bool over = !alert.contains("startsAt");
      if (over) alert["startsAt"] = rfc3339(now);
      if (!alert.contains("endsAt")) alert["endsAt"] = rfc3339(over ? now : after(now, alert_lives));
    }
    return dumped(body);
  }
  return payload;
}

std::string merged(ReceiverKind kind, const std::vector<std::string>& payloads) {
  if (kind == ReceiverKind::alertmanager) {
    json all = json::array();
    std::map<std::string, std::size_t> at;  // by labels
    for (const std::string& p : payloads) {
      json body = json::parse(p);
      for (json& alert : body) {
        const auto [known, fresh] = at.emplace(alert["labels"].dump(), all.size());
        if (fresh)
          all.push_back(std::move(alert));
        else
          all[known->second] = std::move(alert);
      }
    }
    return dumped(all);
  }
  if (kind != ReceiverKind::webhook) return "";
  json all;
  for (const std::string& p : payloads) {
    json one = json::parse(p);
    if (all.is_null()) {
      all = std::move(one);
      all["dedup_key"] = all["edge"] = all["edge_id"] = nullptr;  // of one alert each: see there
      all["groupKey"] = "pgvigil:storm";
      continue;
    }
    for (json& alert : one["alerts"]) all["alerts"].push_back(std::move(alert));
    for (json& key : one["merged_dedup_keys"]) all["merged_dedup_keys"].push_back(std::move(key));
    if (one["status"] == "firing") all["status"] = "firing";
    for (const char* common : {"groupLabels", "commonLabels", "commonAnnotations"}) {
      json& kept = all[common];
      for (auto it = kept.begin(); it != kept.end();)
        it = one[common].contains(it.key()) && one[common][it.key()] == it.value() ? std::next(it) : kept.erase(it);
    }
  }
  return dumped(all);
}

bool takes_digests(ReceiverKind kind) {
  return kind == ReceiverKind::slack || kind == ReceiverKind::mattermost || kind == ReceiverKind::teams ||
         kind == ReceiverKind::discord;
}

Message digest(const std::vector<std::string>& titles, std::size_t count, Severity severity) {
  Message m;
  m.severity = severity;
  m.title = fmt::format("pgvigil: {} messages at once", count);
  const std::size_t shown = std::min(most_titles, titles.size());
  for (std::size_t i = 0; i < shown; ++i) m.lead_lines.push_back(cut(one_line(titles[i]), 300));
  if (count > shown) m.lead_lines.push_back(fmt::format("+{} more", count - shown));
  m.footer = "sent as one, so that nobody is flooded; the page and `pgvigil diagnose` show each";
  return m;
}

}  // namespace pgvigil
