// What the settings say of alerts, as the rooms that alert take it.
#pragma once

#include <string>
#include <vector>

#include "agent/alerts/receivers.h"
#include "agent/settings/settings.h"

namespace pgvigil {

AlertSettings alert_settings(const Settings& settings);
MessageOptions message_options(const Settings& settings);
// One for each place that is POSTed to: an Alertmanager cluster is as many as it has members.
std::vector<ReceiverOptions> receivers_of(const Settings& settings);
// "" when the receivers and the heartbeat can be used, else a line that says why not.
std::string check_receivers(const Settings& settings);

}  // namespace pgvigil
