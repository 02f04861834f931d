#include "agent/alerts/receivers.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/fault_server.h"

namespace pgvigil {
namespace {

using nlohmann::json;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace testing_net;
using namespace std::chrono_literals;

Notice notice(const std::string& key, Notice::Edge edge = Notice::Edge::firing) {
  Notice n{.edge = edge, .key = key, .target = "codeintel", .incident = {}, .changed = "gone"};
  Finding f{.object = {"table", "documents"}, .sentence = "documents has no index"};
  f.check = "unindexed_table";
  n.incident.causes.push_back(f);
  n.incident.severity = Severity::critical;
  n.reach = {Severity::critical, ActBy::now};
  n.first_check = f.check;
  n.first_object = f.object;
  n.started = n.fired = n.at = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  return n;
}

std::vector<std::string> keys(const FaultServer& server) {
  std::vector<std::string> all;
  for (const Hit& h : server.hits) {
    const json body = json::parse(h.body);
    all.push_back(body["dedup_key"].get<std::string>() + (body["status"] == "resolved" ? "-" : ""));
  }
  return all;
}

class Receivers : public testing::Test {
 protected:
  Receivers() {
    options.pace.gap = 1ms;
    options.pace.first_retry = 10ms;
    options.pace.longest_retry = 40ms;
    options.log = [this](const std::string& line) { log.push_back(line); };
  }
  ~Receivers() override {
    EXPECT_THAT(log, Each(Not(HasSubstr("CANARY"))));
    EXPECT_THAT(log, Each(Not(HasSubstr("/services"))));
  }
  ReceiverOptions to(const FaultServer& server, const std::string& name = "ops") {
    return {.name = name, .kind = ReceiverKind::webhook, .url = server.url(), .timeout = timeout};
  }
  void post(Alerts& alerts, const std::string& key, Notice::Edge edge = Notice::Edge::firing) {
    const Notice n = notice(key, edge);
    alerts.post(n, render(n, Report{}, {}));
  }
  std::size_t drain(Alerts& alerts, std::chrono::milliseconds limit = 2s) {
    std::size_t left = 0;
    bool done = false;
    asio::co_spawn(io, alerts.drain(limit), [&](std::exception_ptr e, std::size_t n) {
      EXPECT_FALSE(e);
      left = n;
      done = true;
    });
    io.restart();
    while (!done && io.run_one() > 0) continue;
    return left;
  }

  asio::io_context io;
  std::chrono::milliseconds timeout = 150ms;  // of one POST
  AlertsOptions options;
  std::vector<std::string> log;
};

constexpr auto over = Notice::Edge::resolved;

TEST_F(Receivers, delivers_in_order_to_each) {
  FaultServer one(io, {answer("200 OK")}), two(io, {answer("204 No Content")});
  Alerts alerts(io.get_executor(), {to(one, "one"), to(two, "two")}, options);
  post(alerts, "a");
  post(alerts, "b");
  post(alerts, "a", over);
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(keys(one), ElementsAre("a", "b", "a-"));
  EXPECT_THAT(keys(two), ElementsAre("a", "b", "a-"));
  EXPECT_EQ(alerts.stats()[0].sent, 3u);
  EXPECT_EQ(alerts.stats()[1].name, "two");
  EXPECT_THAT(one.hits[0].request, HasSubstr("Content-Type: application/json"));
}

TEST_F(Receivers, slack_gets_slacks_shape_and_no_resolve_when_unwanted) {
  FaultServer server(io, {answer("200 OK")});
  ReceiverOptions slack = to(server);
  slack.kind = ReceiverKind::slack;
  slack.route.send_resolved = false;
  Alerts alerts(io.get_executor(), {slack}, options);
  post(alerts, "a");
  post(alerts, "a", over);
  EXPECT_EQ(drain(alerts), 0u);
  ASSERT_EQ(server.hits.size(), 1u);
  EXPECT_THAT(json::parse(server.hits[0].body)["text"].get<std::string>(), HasSubstr("documents has no index"));
}

TEST_F(Receivers, tries_again_until_it_is_taken) {
  for (const std::string& fault :
       {answer("500 Oops"), answer("503 Busy"), answer("302 Found", "Location: http://127.0.0.1:1/\r\n"),
        std::string("close"), std::string("hang"), std::string("garbage")}) {
    FaultServer server(io, {fault, fault, answer("200 OK")});
    Alerts alerts(io.get_executor(), {to(server)}, options);
    post(alerts, "a");
    post(alerts, "a", over);
    EXPECT_EQ(drain(alerts), 0u) << fault;
    EXPECT_THAT(keys(server), ElementsAre("a", "a", "a", "a-")) << fault;
    EXPECT_EQ(alerts.stats()[0].failed, 2u);
    EXPECT_EQ(alerts.stats()[0].dropped, 0u);
    EXPECT_NE(alerts.stats()[0].last_error, "");
  }
}

TEST_F(Receivers, a_receiver_that_was_down_gets_it_when_it_is_back) {
  std::unique_ptr<FaultServer> server = std::make_unique<FaultServer>(io, std::vector<std::string>{answer("200 OK")});
  const Certificate certificate = make_certificate("localhost");
  ReceiverOptions receiver = to(*server);
  FaultServer tls(io, {answer("200 OK")}, &certificate);
  ReceiverOptions distrusted = to(tls, "tls");
  server.reset();
  Alerts alerts(io.get_executor(), {receiver, distrusted}, options);
  post(alerts, "a");
  EXPECT_EQ(drain(alerts, 150ms), 2u);
  const auto stats = alerts.stats();
  EXPECT_GE(stats[0].failed, 2u);
  EXPECT_EQ(stats[0].queued, 1u);
  EXPECT_GT(stats[0].oldest_seconds, 0.1);
  EXPECT_THAT(stats[0].last_error, HasSubstr("cannot connect"));
  EXPECT_THAT(stats[1].last_error, HasSubstr("certificate refused"));
  EXPECT_THAT(tls.hits, testing::IsEmpty());
  EXPECT_THAT(log.back(), HasSubstr("1 alerts stay undelivered"));
}

TEST_F(Receivers, retry_after_is_waited_for_and_capped) {
  const auto wait_for = [&](const std::string& retry_after) {
    FaultServer server(io, {answer("429 Too Many", "Retry-After: " + retry_after + "\r\n"), answer("200 OK")});
    Alerts alerts(io.get_executor(), {to(server)}, options);
    post(alerts, "a");
    EXPECT_EQ(drain(alerts, 4s), 0u) << retry_after;
    return server.hits.size() < 2
               ? 0ms
               : std::chrono::duration_cast<std::chrono::milliseconds>(server.hits[1].at - server.hits[0].at);
  };
  EXPECT_GE(wait_for("1"), 1000ms);
  options.pace.longest_wait = 100ms;
  for (const char* far : {"86400", "99999999999999999999", "Fri, 31 Dec 2060 23:59:59 GMT"}) {
    const auto waited = wait_for(far);
    EXPECT_GE(waited, 100ms) << far;
    EXPECT_LT(waited, 2s) << far;
  }
  EXPECT_LT(wait_for("Sun, 06 Nov 1994 08:49:37 GMT"), 1s);
  EXPECT_LT(wait_for("soon"), 1s);
}

TEST_F(Receivers, what_is_refused_for_good_is_dropped_loudly) {
  FaultServer server(io, {answer("404 Not Found"), answer("200 OK")});
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "a");
  post(alerts, "b");
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(keys(server), ElementsAre("a", "b"));
  EXPECT_EQ(alerts.stats()[0].dropped, 1u);
  EXPECT_EQ(alerts.stats()[0].sent, 1u);
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(log[0], HasSubstr("receiver ops: 127.0.0.1: answered 404; the firing alert a was dropped"));
}

TEST_F(Receivers, a_slow_one_delays_no_other) {
  FaultServer slow(io, {"hang"}), fast(io, {answer("200 OK")});
  ReceiverOptions patient = to(slow, "slow");
  patient.timeout = 10s;
  Alerts alerts(io.get_executor(), {patient, to(fast, "fast")}, options);
  for (int i = 0; i < 20; ++i) post(alerts, std::to_string(i));
  drain(alerts, 500ms);
  EXPECT_EQ(alerts.stats()[1].sent, 20u);
  EXPECT_EQ(alerts.stats()[0].sent, 0u);
}

TEST_F(Receivers, no_more_than_one_a_gap) {
  FaultServer server(io, {answer("200 OK")});
  options.pace.gap = 60ms;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  for (int i = 0; i < 6; ++i) post(alerts, std::to_string(i));
  EXPECT_EQ(drain(alerts), 0u);
  ASSERT_EQ(server.hits.size(), 6u);
  EXPECT_GE(server.hits[5].at - server.hits[0].at, 270ms);
  EXPECT_EQ(Pace{}.gap, 1000ms);
}

TEST_F(Receivers, a_full_queue_drops_the_oldest_resolved_first) {
  FaultServer server(io, {"close", answer("200 OK")});
  options.pace.queue = 4;
  options.pace.first_retry = options.pace.longest_retry = 400ms;  // what is posted meanwhile waits with it
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "a");
  post(alerts, "b", over);
  post(alerts, "c", over);
  post(alerts, "d");
  post(alerts, "e");  // b goes
  post(alerts, "f");  // c goes
  post(alerts, "g");  // no resolved one left: a goes
  EXPECT_EQ(alerts.stats()[0].queued, 4u);
  EXPECT_EQ(alerts.stats()[0].dropped, 3u);
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(keys(server), ElementsAre("d", "d", "e", "f", "g"));
}

TEST_F(Receivers, the_one_being_sent_is_not_pushed_out) {
  FaultServer server(io, {"hang", answer("200 OK")});
  options.pace.queue = 2;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "a", over);
  drain(alerts, 50ms);  // it is on its way
  post(alerts, "b");
  post(alerts, "c");
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(keys(server), ElementsAre("a-", "a-", "c"));
}

TEST_F(Receivers, too_old_is_given_up) {
  FaultServer server(io, {answer("500 Oops")});
  options.pace.keep = 100ms;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "a");
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_EQ(alerts.stats()[0].dropped, 1u);
}

TEST_F(Receivers, says_what_is_settled) {
  std::vector<std::string> events;
  options.settled = [&](const std::string& receiver, const std::string& id, bool delivered) {
    events.push_back((delivered ? "delivered " : "lost ") + receiver + " " + id);
  };
  FaultServer server(io, {answer("200 OK"), answer("410 Gone")});
  Alerts alerts(io.get_executor(), {to(server)}, options);
  const Notice a = notice("a"), b = notice("b");
  for (const Notice& n : {a, b}) alerts.send(alerts.address(n, render(n, Report{}, {})));
  EXPECT_THAT(events, testing::IsEmpty());
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(events, ElementsAre("delivered ops " + a.id(), "lost ops " + b.id()));
}

TEST_F(Receivers, what_one_incident_cannot_deliver_holds_up_no_other) {
  FaultServer server(io, {answer("500 Oops"), answer("200 OK"), answer("500 Oops"), answer("200 OK")});
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "bad");
  post(alerts, "bad", over);
  post(alerts, "b");
  post(alerts, "c");
  EXPECT_EQ(drain(alerts), 0u);
  // Each failure sends what failed to the end; its own edges stay in order.
  EXPECT_THAT(keys(server), ElementsAre("bad", "b", "c", "bad", "bad-", "c"));
}

TEST_F(Receivers, only_who_wants_it_is_told) {
  FaultServer pager(io, {answer("200 OK")}), channel(io, {answer("200 OK")});
  ReceiverOptions urgent = to(pager, "pager");
  urgent.route.act_by = ActBy::now;
  Alerts alerts(io.get_executor(), {urgent, to(channel, "channel")}, options);
  Notice n = notice("a");
  n.reach.act_by = ActBy::today;
  alerts.post(n, render(n, Report{}, {}));
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_EQ(pager.hits.size(), 0u);
  EXPECT_EQ(channel.hits.size(), 1u);
}

// Ten thousand at once: a person gets one message, a program as many as fit in one body; all are counted.
TEST_F(Receivers, a_storm_is_one_message) {
  FaultServer server(io, {"close", answer("200 OK")});
  timeout = 60s;
  ReceiverOptions slack = to(server);
  slack.kind = ReceiverKind::slack;
  options.pace.first_retry = options.pace.longest_retry = 400ms;  // what is posted meanwhile waits with it
  Alerts alerts(io.get_executor(), {slack}, options);
  post(alerts, "first");
  drain(alerts, 20ms);
  for (int i = 0; i < 9'999; ++i) post(alerts, std::to_string(i));
  EXPECT_EQ(drain(alerts), 0u);
  ASSERT_EQ(server.hits.size(), 2u);
  EXPECT_THAT(server.hits[1].body, HasSubstr("10000 messages at once"));
  EXPECT_THAT(server.hits[1].body, HasSubstr("+9990 more"));
  const ReceiverStats stats = alerts.stats()[0];
  EXPECT_EQ(stats.sent + stats.dropped, 10'000u);
  EXPECT_EQ(stats.sent, options.pace.queue);
}

TEST_F(Receivers, programs_get_many_alerts_in_one_body) {
  FaultServer server(io, {"close", answer("200 OK")});
  options.pace.first_retry = options.pace.longest_retry = 400ms;  // what is posted meanwhile waits with it
  timeout = 60s;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "0");
  drain(alerts, 20ms);
  for (int i = 1; i < 150; ++i) post(alerts, std::to_string(i));
  post(alerts, "149", over);  // never beside its own firing edge
  EXPECT_EQ(drain(alerts), 0u);
  std::vector<std::string> told;
  for (std::size_t i = 1; i < server.hits.size(); ++i) {
    const json body = json::parse(server.hits[i].body);
    for (const json& alert : body["alerts"])
      told.push_back(alert["fingerprint"].get<std::string>() + (alert["status"] == "resolved" ? "-" : ""));
  }
  EXPECT_EQ(told.size(), 151u);
  EXPECT_EQ(told.back(), "149-");
  EXPECT_LE(server.hits.size(), 5u);
}

TEST_F(Receivers, a_body_refused_for_one_of_many_costs_only_that_one) {
  FaultServer server(io, {"close", answer("400 Bad Request"), answer("400 Bad Request"), answer("200 OK")});
  options.pace.first_retry = options.pace.longest_retry = 400ms;  // what is posted meanwhile waits with it
  timeout = 60s;
  options.pace.storm = 2;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  post(alerts, "0");
  drain(alerts, 20ms);
  for (int i = 1; i < 5; ++i) post(alerts, std::to_string(i));
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_EQ(alerts.stats()[0].dropped, 1u);
  EXPECT_EQ(alerts.stats()[0].sent, 4u);
}

TEST_F(Receivers, an_alertmanager_is_told_again_while_it_fires_and_when_it_is_over) {
  FaultServer server(io, {answer("200 OK")});
  ReceiverOptions am = to(server);
  am.kind = ReceiverKind::alertmanager;
  options.pace.repost = 80ms;
  Alerts alerts(io.get_executor(), {am}, options);
  EXPECT_TRUE(alerts.wants_standing());
  const Notice n = notice("a");
  const Message m = render(n, Report{}, {});
  alerts.post(n, m);
  alerts.standing("codeintel", {{n, m}});
  EXPECT_EQ(drain(alerts), 0u);
  io.restart();
  io.run_for(250ms);
  ASSERT_GE(server.hits.size(), 3u);
  const json first = json::parse(server.hits[0].body)[0], again = json::parse(server.hits[2].body)[0];
  EXPECT_EQ(first["labels"], again["labels"]);
  EXPECT_EQ(first["labels"]["alertname"], "unindexed_table");
  EXPECT_EQ(first["startsAt"], again["startsAt"]);
  EXPECT_LT(first["endsAt"], again["endsAt"]);
  EXPECT_THAT(server.hits[0].request, HasSubstr("/api/v2/alerts"));
  alerts.standing("codeintel", {});
  post(alerts, "a", over);
  EXPECT_EQ(drain(alerts), 0u);
  const std::size_t hits = server.hits.size();
  EXPECT_LT(json::parse(server.hits.back().body)[0]["endsAt"], again["endsAt"]);
  io.restart();
  io.run_for(250ms);
  EXPECT_EQ(server.hits.size(), hits);
}

TEST_F(Receivers, an_alertmanager_that_was_away_is_told_the_last_word) {
  FaultServer server(io, {"close", answer("200 OK")});
  timeout = 60s;
  ReceiverOptions am = to(server);
  am.kind = ReceiverKind::alertmanager;
  options.pace.first_retry = options.pace.longest_retry = 400ms;  // what is posted meanwhile waits with it
  Alerts alerts(io.get_executor(), {am}, options);
  Notice n = notice("a");
  n.reach = {Severity::warning, ActBy::now};
  alerts.post(n, render(n, Report{}, {}));
  drain(alerts, 20ms);  // in vain
  n.edge = Notice::Edge::update;
  n.before = n.reach;
  n.reach = {Severity::critical, ActBy::now};
  alerts.post(n, render(n, Report{}, {}));
  EXPECT_EQ(drain(alerts), 0u);
  ASSERT_GE(server.hits.size(), 2u);
  const json body = json::parse(server.hits.back().body);
  ASSERT_EQ(body.size(), 2u);
  EXPECT_EQ(body[0]["labels"]["severity"], "warning");
  // A member that has forgotten it has nothing old to tell at once, and alone.
  EXPECT_EQ(body[0]["startsAt"], body[0]["endsAt"]);
  EXPECT_GT(body[0]["startsAt"], rfc3339(n.at));
  EXPECT_EQ(body[1]["labels"]["severity"], "critical");
  EXPECT_EQ(body[1]["startsAt"], rfc3339(n.started));
  EXPECT_GT(body[1]["endsAt"], body[0]["endsAt"]);
}

TEST_F(Receivers, a_key_is_added_only_on_the_wire) {
  FaultServer server(io, {answer("202 Accepted")});
  ReceiverOptions pager = to(server);
  pager.kind = ReceiverKind::pagerduty;
  pager.routing_key = "CANARY-key";
  Alerts alerts(io.get_executor(), {pager}, options);
  const Notice n = notice("a");
  auto deliveries = alerts.address(n, render(n, Report{}, {}));
  ASSERT_EQ(deliveries.size(), 1u);
  EXPECT_THAT(deliveries[0].payload, Not(HasSubstr("CANARY")));
  alerts.send(std::move(deliveries));
  EXPECT_EQ(drain(alerts), 0u);
  const json body = json::parse(server.hits.at(0).body);
  EXPECT_EQ(body["routing_key"], "CANARY-key");
  EXPECT_EQ(body["dedup_key"], "a");
}

TEST_F(Receivers, what_an_earlier_process_left_keeps_its_age) {
  FaultServer server(io, {answer("500 Oops")});
  options.pace.keep = 100ms;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  Notice n = notice("a");
  n.at = after(n.at, -3600);
  alerts.post(n, render(n, Report{}, {}));
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_EQ(alerts.stats()[0].dropped, 1u);
  EXPECT_EQ(server.hits.size(), 1u);
}

TEST_F(Receivers, may_go_while_it_sends) {
  FaultServer server(io, {"hang"});
  {
    Alerts alerts(io.get_executor(), {to(server)}, options);
    post(alerts, "a");
    drain(alerts, 50ms);
  }
  const std::size_t lines = log.size();
  io.restart();
  io.run_for(300ms);
  EXPECT_EQ(log.size(), lines);
}

// A reload: what waits for a receiver stays in order before what comes, by the new way in.
TEST_F(Receivers, a_reload_keeps_what_waits) {
  FaultServer old_one(io, {answer("503 Busy")}), new_one(io, {answer("200 OK")});
  options.pace.first_retry = options.pace.longest_retry = 10s;
  Alerts alerts(io.get_executor(), {to(old_one)}, options);
  post(alerts, "a");
  drain(alerts, 50ms);
  EXPECT_EQ(old_one.hits.size(), 1u);
  alerts.configure({to(new_one)});
  post(alerts, "a", over);
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(keys(new_one), ElementsAre("a", "a-"));
  EXPECT_EQ(old_one.hits.size(), 1u);
}

TEST_F(Receivers, a_receiver_that_is_gone_delivers_what_waited_and_repeats_nothing) {
  std::vector<std::string> settled;
  options.settled = [&](const std::string& receiver, const std::string&, bool delivered) {
    settled.push_back(receiver + (delivered ? " took it" : " never got it"));
  };
  options.pace.repost = 50ms;
  FaultServer server(io, {"close", answer("200 OK")}), other(io, {answer("200 OK")});
  ReceiverOptions am = to(server, "am");
  am.kind = ReceiverKind::alertmanager;
  Alerts alerts(io.get_executor(), {am}, options);
  const Notice n = notice("a");
  const Message m = render(n, Report{}, {});
  auto addressed = alerts.address(n, m);
  alerts.post(n, m);
  alerts.standing("codeintel", {{n, m}});
  drain(alerts, 5ms);
  alerts.configure({to(other)});
  EXPECT_EQ(drain(alerts), 0u);
  alerts.send(std::move(addressed));  // it was on its way to the disk meanwhile
  EXPECT_THAT(settled, ElementsAre("am took it", "am never got it"));
  const std::size_t hits = server.hits.size();
  io.restart();
  io.run_for(200ms);
  EXPECT_EQ(server.hits.size(), hits);
  EXPECT_THROW(alerts.configure({{.name = "ops", .url = "https://u:p@h/"}}), std::invalid_argument);
  post(alerts, "b");
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_THAT(keys(other), ElementsAre("b"));
}

TEST_F(Receivers, what_is_not_in_its_form_blocks_nobody) {
  FaultServer server(io, {answer("200 OK")});
  ReceiverOptions am = to(server);
  am.kind = ReceiverKind::alertmanager;
  Alerts alerts(io.get_executor(), {am}, options);
  Delivery slacks{.receiver = "ops", .id = "1", .key = "a", .title = "t", .payload = R"({"text": "t"})"};
  slacks.at = notice("a").at;
  alerts.send({slacks});
  Delivery damaged = slacks;
  damaged.key = "b", damaged.payload = "{";
  alerts.send({damaged});
  EXPECT_EQ(drain(alerts), 0u);
  post(alerts, "c");
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_EQ(alerts.stats()[0].dropped, 2u);
  EXPECT_EQ(alerts.stats()[0].sent, 1u);
}

TEST_F(Receivers, only_what_is_too_old_is_given_up) {
  FaultServer server(io, {answer("503 Busy"), answer("200 OK")});
  options.pace.storm = 1;
  Alerts alerts(io.get_executor(), {to(server)}, options);
  Notice ancient = notice("old");
  ancient.at = after(ancient.at, -25 * 3600);
  alerts.post(ancient, render(ancient, Report{}, {}));
  post(alerts, "new");
  EXPECT_EQ(drain(alerts), 0u);
  EXPECT_EQ(alerts.stats()[0].dropped, 1u);
  EXPECT_EQ(alerts.stats()[0].sent, 1u);
}

TEST_F(Receivers, a_bad_url_is_refused_without_showing_it) {
  const auto why = [](const std::string& url) { return check_receiver({.name = "ops", .url = url}); };
  EXPECT_EQ(why("https://hooks.slack.com/services/x"), "");
  EXPECT_EQ(why("http://127.0.0.1:9000/x"), "");
  EXPECT_EQ(why("http://localhost/x"), "");
  EXPECT_EQ(why("http://hooks.slack.com/CANARY"),
            "receiver ops: plain http leads only to this machine; hint: use https");
  for (const char* bad : {"hooks.slack.com/CANARY", "https://CANARY@h/", "https://h/CANARY\n"}) {
    EXPECT_THAT(why(bad), HasSubstr("receiver ops: the URL")) << bad;
    EXPECT_THAT(why(bad), Not(HasSubstr("CANARY")));
    EXPECT_THROW(Alerts(io.get_executor(), {{.name = "ops", .url = bad}}), std::invalid_argument);
  }
}

TEST(Retry, backoff_doubles_with_jitter_and_has_a_ceiling) {
  const Pace pace;
  EXPECT_EQ(backoff(pace, 1, 1), 1000ms);
  EXPECT_EQ(backoff(pace, 1, 0), 500ms);
  EXPECT_EQ(backoff(pace, 3, 1), 4000ms);
  EXPECT_EQ(backoff(pace, 100, 1), pace.longest_retry);
}

TEST(Retry, retry_after_in_all_its_forms) {
  const auto now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 7s;
  EXPECT_EQ(retry_after("30", now), 30'000ms);
  EXPECT_EQ(retry_after(" 0 ", now), 0ms);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), 30'000ms);
  EXPECT_EQ(retry_after("Sunday, 06-Nov-94 08:49:37 GMT", now), 30'000ms);
  EXPECT_EQ(retry_after("Sun Nov  6 08:49:37 1994", now), 30'000ms);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), 0ms);
  for (const char* bad : {"", "-1", "1.5", "soon", "30 s", "Sun, 99 Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(retry_after(bad, now)) << bad;
}

}  // namespace
}  // namespace pgvigil
