// The agent's log: one line an event on stderr; every known secret is blanked before a line is written.
#pragma once

#include "agent/settings/settings.h"

namespace pgvigil {

void start_log(const Settings& settings);  // again after a reload, with the new secrets

}  // namespace pgvigil
