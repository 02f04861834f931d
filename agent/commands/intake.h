// The door through which answers come in: query texts lose their literals here, before history, report and disk.
#pragma once

#include "agent/core/schedule.h"
#include "agent/core/texts.h"
#include "agent/pg/conninfo.h"
#include "checks/history.h"

namespace pgvigil {

void take_texts(Observation& observation, QueryBook& texts);
// EXPLAIN requests prefer the text with its literals, which only the book holds.
void give_texts(Wave& wave, QueryBook& texts);
// CPU of the host, the cgroup and, by our own backend's pid, of the server's processes.
// The server runs on this machine, as far as its address tells.
bool is_local(const Conninfo& conninfo);
Answer see_cpu(const History& history, Time at, bool local);

}  // namespace pgvigil
