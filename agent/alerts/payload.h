// One message in each receiver's shape. Pure: the same notice and message give the same bytes.
#pragma once

#include <string>
#include <string_view>

#include "agent/core/message.h"

namespace pgvigil {

// Slack's incoming webhook (and what takes its shape: Mattermost shows `text`). `text` is what a phone shows.
// Limits of the receiver, in bytes after escaping: header 150, section 3000, 50 blocks.
std::string slack_payload(const Message& message);

// Alertmanager's webhook, version 4: one alert per incident, with its key as fingerprint and as `dedup_key`.
std::string webhook_payload(const Notice& notice, const Message& message, std::string_view receiver);

// For Slack's mrkdwn: & < > as entities; cut to max_bytes after escaping, on a character, saying so.
std::string slack_escape(std::string_view text, std::size_t max_bytes);

}  // namespace pgvigil
