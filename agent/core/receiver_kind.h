// The kinds of receivers of alerts, as the configuration names them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pgvigil {

enum class ReceiverKind : std::uint8_t { slack, mattermost, teams, discord, pagerduty, webhook, alertmanager };
inline constexpr std::array<std::string_view, 7> receiver_kinds{"slack",     "mattermost", "teams",       "discord",
                                                                "pagerduty", "webhook",    "alertmanager"};
constexpr std::string_view to_string(ReceiverKind kind) { return receiver_kinds.at(static_cast<std::size_t>(kind)); }

}  // namespace pgvigil
