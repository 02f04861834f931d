#include "agent/commands/alert_options.h"

#include <fmt/format.h>

namespace pgvigil {

AlertSettings alert_settings(const Settings& s) {
  AlertSettings a;
  a.for_warning = s.alerting.for_warning;
  a.for_critical = s.alerting.for_critical;
  a.keep_firing = s.alerting.keep_firing;
  a.repeat = s.alerting.repeat;
  a.interval = s.schedule.cycle;
  return a;
}

std::string check_receivers(const Settings& settings) {
  for (const ReceiverOptions& r : receivers_of(settings))
    if (std::string why = check_receiver(r); !why.empty()) return why;
  return settings.heartbeat.url.empty() ? "" : check_receiver({.name = "heartbeat", .url = settings.heartbeat.url});
}

std::vector<ReceiverOptions> receivers_of(const Settings& settings) {
  std::vector<ReceiverOptions> all;
  for (const ReceiverSettings& s : settings.receivers) {
    ReceiverOptions o{.name = s.name,
                      .kind = s.kind,
                      .url = s.url,
                      .routing_key = s.routing_key,
                      .route = s.route,
                      .allow_private = s.allow_private,
                      .ca_file = s.ca_file};
    all.push_back(o);
    for (std::size_t i = 0; i < s.more_urls.size(); ++i) {
      o.name = fmt::format("{} {}", s.name, i + 2);
      o.url = s.more_urls[i];
      all.push_back(o);
    }
  }
  return all;
}

MessageOptions message_options(const Settings& s) {
  return {s.alerting.external_url, s.alerting.diagnose_command, s.alerting.runbook_url};
}

}  // namespace pgvigil
