// The table of subcommands.
#include "agent/commands/command.h"

int main(int argc, char** argv) {
  using namespace pgvigil;
  return run_commands(argc, argv,
                      {
                          run_command(),
                          diagnose_command(),
                          explain_command(),
                          silence_command(),
                          notify_command(),
                          grants_command(),
                          config_command(),
                          catalog_command(),
                          version_command(),
                      });
}
