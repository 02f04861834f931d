// How each shape of a panel is drawn: the half of its JSON that holds no query.
#pragma once

#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {

Json data_source();
std::string ref_id(std::size_t query);  // A, B, ...
std::string type_of(Shape shape);
void shape(const Panel& panel, Json& json);  // adds fieldConfig, options and transformations

}  // namespace pgvigil::grafana
