// Who writes temporary files, and what gives it the memory.
#include <gmock/gmock.h>

#include "checks/check.h"
#include "checks/probes/databases.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/probes/temp_files.h"

namespace pgvigil {

extern const Check temp_spill;

namespace {

using testing::HasSubstr;

// Each execution has closed its files before anybody looks: only pg_stat_statements knows who wrote them.
TEST(TempSpill, AStatementThatIsNeverMetIsNamedAndGivenItsMemory) {
  Scenario s;
  Database d;
  d.name = "tills";
  Statement gaps, other;
  gaps.query_id = "7", gaps.database = "tills", gaps.user = "dashboard";
  other.query_id = "8", other.database = "tills", other.user = "app";
  StatementText text;
  text.query_id = "7", text.database = "tills", text.text = "SELECT shop, max(gap) FROM gaps GROUP BY shop";
  s.saw(20, databases, {d}).saw(20, statements, {gaps, other}).saw(15, statement_texts, {text});
  d.temp_bytes = 20LL * 80'000'000;
  gaps.calls = 40, gaps.temp_blocks_written = 20LL * 75'000'000 / 8192;
  other.calls = 9, other.temp_blocks_written = 20LL * 5'000'000 / 8192;
  s.saw(0, databases, {d}).saw(0, statements, {gaps, other}).saw(0, temp_files, std::vector<TempFiles>{});

  Server own;
  own.shared_buffers = 1_GiB;
  s.saw(5, server, {own});

  const CheckSettings settings;
  const auto found = temp_spill.evaluate(Input(s.history, s.context, settings, s.at));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].sentence, HasSubstr("most by: SELECT shop, max(gap) FROM gaps GROUP BY shop"));
  ASSERT_EQ(found[0].remedies.size(), 1U);
  ASSERT_EQ(found[0].remedies[0].steps.size(), 1U);
  // 37.5 MB at a time, and rows take more room in memory
  EXPECT_EQ(found[0].remedies[0].steps[0].sql, "ALTER ROLE dashboard IN DATABASE tills SET work_mem = '128MB';");
}

}  // namespace
}  // namespace pgvigil
