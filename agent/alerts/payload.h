// One message in each receiver's shape. Pure: the same notice and message give the same bytes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/core/message.h"

namespace pgvigil {

// Slack's incoming webhook (and what takes its shape). `text` is what a phone shows.
// Limits of the receiver, in bytes after escaping: header 150, section 3000, 50 blocks.
std::string slack_payload(const Message& message);

// Alertmanager's webhook, version 4: one alert per incident, with its key as fingerprint and as `dedup_key`.
std::string webhook_payload(const Notice& notice, const Message& message, std::string_view receiver);

// Microsoft Teams, by a workflow's webhook: an adaptive card of at most 20,000 bytes. All its text is in runs, which
// know no Markdown: what names hold is shown as it is, and SQL can be pasted.
std::string teams_payload(const Message& message);

// Discord's webhook. `content` is what a phone shows. Limits of the receiver, in characters: content 2000, title 256,
// description 4096, value of a field 1024, all of the embed 6000.
std::string discord_payload(const Message& message);

// Mattermost's incoming webhook: Markdown in `text`, at most 16,383 characters.
std::string mattermost_payload(const Message& message);

// PagerDuty's Events API v2, without its `routing_key`, a secret that who sends it adds. An update triggers the same
// dedup_key again. At most 60,000 bytes, of them 1024 of summary.
std::string pagerduty_payload(const Notice& notice, const Message& message);

// Alertmanager's POST /api/v2/alerts: an array of one alert, or two where an update changes its labels. What fires has
// no endsAt: it is set when the body is sent.
std::string alertmanager_payload(const Notice& notice, const Message& message);

// What Alertmanager's shapes say beside the labels.
nlohmann::json annotations(const Notice& notice, const Message& message);

// For Slack's mrkdwn: & < > as entities; cut to max_bytes after escaping, on a character, saying so.
std::string slack_escape(std::string_view text, std::size_t max_bytes);

}  // namespace pgvigil
