// Is nothing executed, and nothing blocked? Explains every text of the corpus as the agent does it, beside its samples,
// and compares all that a text could have changed. Run through tests/with_server:
//
//   tests/with_server [--pg MAJOR] -- build/release/tests/hostile_texts tests/plans/hostile [-v]
#include <algorithm>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "agent/pg/target.h"
#include "checks/probes/plans.h"
#include "tests/plans/hostile/fingerprint.h"
#include "tests/plans/hostile/victim.h"

namespace pgvigil::hostile {
namespace {

namespace asio = boost::asio;
using test::Admin;
using Clock = std::chrono::steady_clock;

constexpr Milliseconds kTimeout{300};  // of one EXPLAIN; the agent waits half a second longer than the server
constexpr double kOneText = 2.5;       // seconds for a text and the good one behind it, reconnecting and all
constexpr double kOneSample = 0.9;
constexpr double kHeld = 15;  // until others are explained again after a text that the server cannot end

// All of a session's settings and what else it keeps beyond a transaction.
const test::WordProbe& session_state() {
  static const test::WordProbe probe(
      test::about(
          "session_state",
          "select pg_catalog.pg_backend_pid() || e'\\n' || pg_catalog.string_agg(name || '=' || setting, "
          "e'\\n' order by name) || e'\\nprepared ' || (select pg_catalog.count(*) from "
          "pg_catalog.pg_prepared_statements) || "
          "e'\\ncursors ' || (select pg_catalog.count(*) from pg_catalog.pg_cursors where name <> '') || "
          "e'\\nchannels ' || (select pg_catalog.count(*) from pg_catalog.pg_listening_channels()) || "
          "e'\\nrole ' || session_user || ' ' || current_user as value from pg_catalog.pg_settings "
          "where name not like 'plpgsql.%' and name not like 'postgres_fdw.%'",  // there once they have been loaded
          Scope::database),
      test::word_columns());
  return probe;
}
const test::WordProbe& first_pid() {
  static const test::WordProbe probe(test::about("first_pid", "select pg_catalog.pg_backend_pid()::text as value"),
                                     test::word_columns());
  return probe;
}

struct Phase {
  std::string title, role;
  bool allow_superuser = false, refused = false;
};

class Trial {
 public:
  Trial(const Corpus& corpus, Phase phase, Silent& silent, Admin& admin, bool verbose)
      : corpus_(corpus),
        phase_(std::move(phase)),
        silent_(silent),
        admin_(admin),
        verbose_(verbose),
        fingerprint_(admin, test::environment("PGVIGIL_TEST_PGDATA")),
        watcher_(phase_.role) {
    TargetOptions o;
    o.conninfo =
        test::conninfo(test::environment("PGVIGIL_TEST_DSN") + " dbname=" + kDatabase + " user=" + phase_.role);
    o.databases = {kDatabase};
    o.explain_timeout = kTimeout;
    o.allow_superuser = phase_.allow_superuser;
    target_ = std::make_unique<Target>(loop_.get_executor(), o);
  }

  int run() {
    std::ifstream log(test::environment("PGVIGIL_TEST_LOG"), std::ios::ate);
    const auto from = log.tellg();
    const int rolled_back = rollbacks();
    state_ = look();
    before_ = fingerprint_.take(phase_.role);
    for (const Text& text : corpus_.texts)
      if (!(text.ours_only && phase_.allow_superuser)) attempt(text);
    test::run(loop_, target_->close());
    log.clear();
    log.seekg(from);
    judge_log(std::string(std::istreambuf_iterator<char>(log), {}));
    const int ours = rollbacks() - rolled_back;
    if (ours > lost_) fail("all", "xact_rollback grew by " + std::to_string(ours));
    if (watcher_.most() > 2) fail("all", std::to_string(watcher_.most()) + " connections at once");
    std::cout << phase_.title << ": " << explained_ << " explained, " << plans_ << " plans; longest text " << slowest_
              << " s, longest sample " << slowest_sample_ << " s of " << samples_ << "; sessions lost " << lost_
              << ", rollbacks " << ours << ", most connections " << watcher_.most() << "; failed " << failed_ << "\n ";
    for (const auto& [reason, n] : reasons_) std::cout << " " << reason << " " << n;
    std::cout << "\n  hidden code that ran: " << ran_ << " of " << hidden_ << std::endl;
    return failed_;
  }

 private:
  void fail(const std::string& name, const std::string& why) {
    ++failed_;
    std::cout << "FAIL " << phase_.title << " " << name << ": " << why << std::endl;
  }

  // The server reports a session's counts when it ends, on 13 and 14 a little later.
  int rollbacks() {
    std::this_thread::sleep_for(Milliseconds(1200));
    return std::stoi(admin_.run("select xact_rollback from pg_stat_database where datname = current_database()"));
  }

  Request request(const std::string& name, const std::string& text) {
    Request r{.database = kDatabase, .query_id = phase_.role + name, .text = text, .user = "vigil_hostile"};
    r.other_schemas = {"app"};
    return r;
  }
  Request good() {
    ++good_;
    return request("good" + std::to_string(good_),
                   "select * from app.orders where customer = " + std::to_string(good_));
  }

  // Samples go on beside it, as the agent takes them.
  std::vector<Plan> explain(const std::string& name, std::vector<Request> requests) {
    std::vector<std::pair<const AnyProbe*, std::vector<Request>>> all{{&plans, std::move(requests)}};
    const std::vector<const AnyProbe*> asked{&first_pid()};
    bool over = false;
    late_ = 0;
    asio::co_spawn(
        loop_,
        [&]() -> asio::awaitable<void> {
          asio::steady_timer pause(loop_);
          while (!over) {
            const auto begun = Clock::now();
            const Observation o = co_await target_->ask(asked);
            const double seconds = test::seconds_since(begun);
            ++samples_;
            slowest_sample_ = std::max(slowest_sample_, seconds);
            late_ = std::max(late_, seconds);
            if (test::answer(o, "first_pid").rows == nullptr)
              fail(name, "a sample failed: " + test::answer(o, "first_pid").failures[0].message);
            else
              note_pid(first_, test::word(o, "first_pid"));
            pause.expires_after(Milliseconds(10));
            co_await pause.async_wait(asio::use_awaitable);
          }
        },
        asio::detached);
    std::vector<Plan> rows;
    asio::co_spawn(loop_, target_->wave(std::move(all)), [&](std::exception_ptr, Observation o) {
      over = true;
      const Answer& a = test::answer(o, "plans");
      if (a.rows != nullptr) rows = static_cast<const RowsOf<Plan>&>(*a.rows).rows;
      blind_ = a.failures.empty() ? "" : a.failures[0].message;
    });
    loop_.restart();
    loop_.run();
    return rows;
  }
  void note_pid(std::string& known, const std::string& now) {
    if (!known.empty() && known != now) ++lost_;
    known = now;
  }
  std::vector<std::string> look() {
    const Observation o = test::run(loop_, target_->sweep({&session_state()}));
    const std::string word = test::answer(o, "session_state").rows == nullptr ? "" : test::word(o, "session_state");
    std::vector<std::string> lines;
    std::istringstream all(word);
    for (std::string line; std::getline(all, line);) lines.push_back(line);
    if (lines.empty()) return lines;
    note_pid(second_, lines[0]);
    lines.erase(lines.begin());
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  void attempt(const Text& text) {
    std::vector<Plan> rows;
    double seconds = 0;
    const int lost = lost_;
    for (int time = 0; time < 2; ++time) {  // what a text does it does again, a busy machine does not
      const auto begun = Clock::now();
      rows = explain(text.name, {request(std::to_string(explained_++) + text.name, text.sql), good()});
      seconds = test::seconds_since(begun);
      slowest_ = std::max(slowest_, seconds);
      if (text.holds || (late_ <= kOneSample && seconds <= kOneText)) break;
    }
    if (late_ > kOneSample) fail(text.name, "a sample took " + std::to_string(late_) + " s");
    if (seconds > kOneText) fail(text.name, "took " + std::to_string(seconds) + " s");
    const bool plan = !rows.empty() && !rows[0].json.empty();
    const std::string got = plan ? "plan" : rows.empty() ? "nothing: " + blind_ : rows[0].reason;
    plans_ += plan;
    if (!plan) ++reasons_[rows.empty() ? "nothing" : rows[0].reason + "/" + rows[0].sqlstate];
    if (rows.empty() || (!plan && rows[0].error.empty())) fail(text.name, got + ", without a word why");
    if (!rows.empty() && (rows[0].error + rows[0].json).find("c4nary") != std::string::npos)
      fail(text.name, "shows a value: " + rows[0].error);
    if (phase_.refused) {
      static const std::set<std::string> early{"superuser", "not_plannable", "several_statements", "truncated",
                                               "syntax"};
      if (!early.contains(got)) fail(text.name, "as a superuser: " + got);
    } else {
      judge_result(text, got);
      if (!text.holds && (rows.size() < 2 || rows[1].json.empty()))
        fail(text.name, "the good one behind it was not explained: " + (rows.size() < 2 ? blind_ : rows[1].error));
      if (text.holds) wait_until_free(text);
    }
    if (!phase_.refused || &text == &corpus_.texts.back()) compare(text);
    if (verbose_)
      std::cout << "  " << text.name << ": " << got << " "
                << (rows.empty() ? "" : rows[0].sqlstate + " " + rows[0].error) << " (" << seconds << " s)"
                << (lost_ > lost ? ", session replaced" : "") << std::endl;
  }

  // A newer grammar than our parser's goes to the server, which refuses it by its own words; a longer one as well.
  void judge_result(const Text& text, const std::string& got) {
    const bool server_decides = std::stoi(test::environment("PGVIGIL_TEST_MAJOR")) >= 16 && text.result == "truncated";
    if (!text.result.empty() && got != text.result && !(server_decides && got != "plan"))
      fail(text.name, "wanted " + text.result + ", got " + got);
  }

  // While the server has not ended it no other foreign text is sent: it would be a third connection.
  void wait_until_free(const Text& text) {
    const auto begun = Clock::now();
    silent_.hang_up();
    for (;;) {
      const auto rows = explain(text.name, {good()});
      if (rows.size() == 1 && !rows[0].json.empty()) return;
      if (test::seconds_since(begun) > kHeld) return fail(text.name, "still holds up the others: " + blind_);
      std::this_thread::sleep_for(Milliseconds(100));
    }
  }

  void compare(const Text& text) {
    std::vector<std::string> after;
    std::string changed;
    for (int i = 0; i < 40; ++i) {  // a process that was ended needs a moment
      after = fingerprint_.take(phase_.role);
      changed = difference(before_, after);
      if (changed.empty()) break;
      std::this_thread::sleep_for(Milliseconds(50));
    }
    if (!changed.empty()) fail(text.name, "changed the server:" + changed);
    before_ = std::move(after);
    const auto state = look();
    if (state != state_) fail(text.name, "changed its session:" + difference(state_, state));
  }

  static bool ran(const std::string& log, const std::string& word) {  // the latter while a literal is read
    return log.find(word + "\n") != std::string::npos || log.find(word + " at character") != std::string::npos;
  }
  void judge_log(const std::string& log) {
    std::set<std::string> once;
    for (const Text& text : corpus_.texts) {
      if (text.ours_only && phase_.allow_superuser) continue;
      const bool here = !text.must_run.empty() && ran(log, text.must_run);
      if (!text.must_run.empty() && once.insert(text.must_run).second) ++hidden_, ran_ += here;
      if (!text.must_run.empty() && !phase_.refused && !here) fail(text.name, "was not run: it tests nothing");
      if (!text.must_not.empty() && ran(log, text.must_not)) fail(text.name, "was run");
    }
    if (phase_.refused && log.find("hostile ") != std::string::npos) fail("all", "code of others ran as superuser");
  }

  const Corpus& corpus_;
  Phase phase_;
  Silent& silent_;
  Admin& admin_;
  bool verbose_;
  Fingerprint fingerprint_;
  Watcher watcher_;
  asio::io_context loop_;
  std::unique_ptr<Target> target_;
  std::vector<std::string> before_, state_;
  std::string first_, second_, blind_;
  std::map<std::string, int> reasons_;
  int failed_ = 0, lost_ = 0, plans_ = 0, explained_ = 0, good_ = 0, samples_ = 0, ran_ = 0, hidden_ = 0;
  double slowest_ = 0, slowest_sample_ = 0;
  double late_ = 0;  // the longest sample beside the last EXPLAIN
};

int run(const std::string& folder, bool verbose) {
  const int major = std::stoi(test::environment("PGVIGIL_TEST_MAJOR"));
  Admin maker;
  Silent silent;
  const std::string extensions = make_database(maker, major);
  const Corpus corpus = read_corpus(folder, major, extensions, silent.port());
  Admin admin(std::string("dbname=") + kDatabase), bystander("application_name=bystander");
  make_objects(admin, corpus, test::environment("PGVIGIL_TEST_PGDATA"), major);
  std::cout << corpus.functions << " functions, " << corpus.objects << " objects, " << corpus.plain << " texts on "
            << major << std::endl;
  int failed = 0;
  for (const Phase& phase : {Phase{"reader", "vigil_reader"}, Phase{"superuser", "vigil_super", false, true},
                             Phase{"superuser allowed", "vigil_super", true}})
    failed += Trial(corpus, phase, silent, admin, verbose).run();
  std::cout << (failed == 0 ? "nothing was executed, nothing was blocked" : std::to_string(failed) + " FAILED") << "\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace pgvigil::hostile

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "which folder?\n";
    return 2;
  }
  try {
    return pgvigil::hostile::run(argv[1], argc > 2 && std::string(argv[2]) == "-v");
  } catch (const std::exception& e) {
    std::cerr << "hostile_texts: " << e.what() << "\n";
    return 1;
  }
}
