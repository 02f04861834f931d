// grants: prints the SQL of the monitoring role. It connects to nothing.
#include "agent/core/grants.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "agent/commands/command.h"

namespace pgvigil {

Command grants_command() {
  const auto request = std::make_shared<GrantsRequest>();
  const auto major = std::make_shared<int>(0);
  Command c;
  c.name = "grants";
  c.description = "print the SQL that makes the role pgvigil connects with";
  c.setup = [request, major](CLI::App& app) {
    app.add_option("--role", request->role, "name of the role")->capture_default_str();
    app.add_option("--agents", request->agents, "agents that watch one server at the same time")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_option("--pg", *major, "major version; without it the script asks the server")->check(CLI::Range(13, 99));
  };
  c.run = [request, major] {
    if (const std::string problem = role_problem(request->role); !problem.empty())
      return fail("grants", problem, "choose another --role", 2);
    if (*major != 0) request->pg_major = *major;
    std::fputs(grants_script(*request).c_str(), stdout);
    return 0;
  };
  return c;
}

}  // namespace pgvigil
