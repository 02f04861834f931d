// What the kinds of receivers differ in: where to POST, what a message looks like, what is added just before it is
// sent, and how many messages become one when there are too many.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/core/message.h"
#include "agent/core/receiver_kind.h"

namespace pgvigil {

// What is kept until it is sent; holds no secret.
std::string payload(ReceiverKind kind, const Notice& notice, const Message& message, std::string_view receiver);

// What goes over the wire: PagerDuty's routing key and the end until which Alertmanager may believe an alert are known
// only now.
std::string completed(ReceiverKind kind, std::string payload, std::string_view routing_key, Time now,
                      double alert_lives);

// Receivers for programs take many alerts in one body; the order stays. Of one that Alertmanager knows by its labels
// the last word counts. "" when this kind cannot.
std::string merged(ReceiverKind kind, const std::vector<std::string>& payloads);

// For people: one message instead of `count`, with the first titles and how many more there are.
Message digest(const std::vector<std::string>& titles, std::size_t count, Severity severity);
bool takes_digests(ReceiverKind kind);

}  // namespace pgvigil
