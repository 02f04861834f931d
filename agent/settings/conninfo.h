// Connection strings, as far as settings need them: check, mask, name, complete. libpq's own parser decides.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil {

using ConninfoValues = std::map<std::string, std::string>;  // keyword to value, only those given

// None when libpq cannot read it. The reason is withheld: libpq's message quotes pieces of the string, passwords
// included. A string without "=" and "://" is a database name, as psql takes it.
std::optional<ConninfoValues> parse_conninfo(const std::string& conninfo);
std::string format_conninfo(const ConninfoValues& values);  // key='value' ..., escaped

// `base` with these on top. An unreadable base is returned as it is.
std::string conninfo_with(const std::string& base, const ConninfoValues& over);
std::string mask_conninfo(const std::string& conninfo);  // "********" for passwords
std::vector<std::string> conninfo_secrets(const std::string& conninfo);
// "host:port", for a target without a name; "local" over the default Unix socket.
std::string conninfo_name(const std::string& conninfo,
                          const std::function<std::optional<std::string>(const std::string&)>& environment);

std::string percent_encode(std::string_view text);  // all but unreserved characters

}  // namespace pgvigil
