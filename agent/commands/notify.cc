// notify test, notify preview: do receivers take what we send, and what will it look like.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "agent/commands/alert_options.h"
#include "agent/commands/command.h"
#include "agent/core/evaluate.h"
#include "agent/pg/now.h"

namespace pgvigil {
namespace asio = boost::asio;

namespace {

struct Options {
  std::string action, file, receiver, recording, kind;
};

// What a person sees when nothing is wrong.
Notice test_notice(Time now) {
  Finding f{.check = "notification_test",
            .role = Role::event,
            .severity = Severity::warning,
            .object = {"server", "test"},
            .sentence = "this is a test of this receiver; nothing is wrong",
            .confidence = Confidence::high,
            .basis = "somebody ran pgvigil notify test"};
  Notice n{.edge = Notice::Edge::firing,
           .key = incident_key("test", f.check, f.object),
           .target = "test",
           .incident = {},
           .started = now,
           .fired = now,
           .at = now};
  n.first_check = f.check;
  n.first_object = f.object;
  n.incident.causes.push_back(std::move(f));
  n.reach = {Severity::warning, ActBy::now};
  return n;
}

bool sent(const ReceiverOptions& to, const Notice& notice, const MessageOptions& words) {
  asio::io_context io(1);
  net::Response response;
  asio::co_spawn(io, send_once(to, payload(to.kind, notice, render(notice, {}, words), to.name)),
                 [&](const std::exception_ptr& e, net::Response r) {
                   response = std::move(r);
                   if (e) response.error = "cannot send";
                 });
  io.run();
  if (response.ok()) return true;
  fail("receiver " + to.name, in_words(response), "check its url, and that this machine may reach it", 0);
  return false;
}

int test(const Options& o) {
  const LoadedSettings loaded = load_settings(o.file);
  print_warnings(loaded);
  if (!loaded.ok()) return fail(loaded, 2);
  const Settings& settings = loaded.settings;
  std::string names;
  for (const ReceiverSettings& r : settings.receivers) names += (names.empty() ? "" : ", ") + r.name;
  if (settings.receivers.empty())
    return fail("notify test", "the configuration has no receivers", "add one under receivers:", 2);
  bool found = false, good = true;
  for (const ReceiverOptions& to : receivers_of(settings)) {
    const bool member = to.name.starts_with(o.receiver + " ") && to.kind == ReceiverKind::alertmanager;
    if (!o.receiver.empty() && to.name != o.receiver && !member) continue;
    found = true;
    if (const std::string why = check_receiver(to); !why.empty()) {
      fail(why, "", "", 0);
      good = false;
      continue;
    }
    Notice notice = test_notice(utc_now());
    const MessageOptions words = message_options(settings);
    bool taken = sent(to, notice, words);
    // What opens an incident somewhere is not left open.
    if (taken && (to.kind == ReceiverKind::pagerduty || to.kind == ReceiverKind::alertmanager)) {
      notice.edge = Notice::Edge::resolved;
      notice.changed = "the test is over";
      taken = sent(to, notice, words);
    }
    if (taken) std::printf("%s (%s): taken\n", to.name.c_str(), std::string(to_string(to.kind)).c_str());
    good = good && taken;
  }
  if (!found)
    return fail("notify test", fmt::format("no receiver is named \"{}\"", o.receiver),
                "the configuration names " + names, 2);
  return good ? 0 : 1;
}

int preview(const Options& o) {
  Settings settings;
  if (!o.file.empty()) {
    LoadedSettings loaded = load_settings(o.file);
    print_warnings(loaded);
    if (!loaded.ok()) return fail(loaded, 2);
    settings = std::move(loaded.settings);
  }
  std::ifstream file(o.recording, std::ios::binary);
  if (!file)
    return fail("cannot read " + o.recording, std::strerror(errno), "give a file that diagnose --save wrote", 2);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  try {
    const Report report = judged(load_recording(text), settings.checks);
    AlertState state;
    const AlertSettings at_once{.for_warning = 0, .for_critical = 0};
    const std::vector<Notice> notices = step(state, report, at_once, report.at);
    for (const Notice& n : notices) {
      const Message message = render(n, report, message_options(settings));
      for (std::size_t k = 0; k < receiver_kinds.size(); ++k) {
        if (!o.kind.empty() && o.kind != receiver_kinds[k]) continue;
        const auto kind = static_cast<ReceiverKind>(k);
        const std::string body = payload(kind, n, message, receiver_kinds[k]);
        std::printf("== %s, %zu bytes ==\n%s\n", std::string(receiver_kinds[k]).c_str(), body.size(),
                    nlohmann::ordered_json::parse(body).dump(2).c_str());
      }
    }
    if (notices.empty()) std::fprintf(stderr, "%s: nothing in it would be told\n", o.recording.c_str());
    return 0;
  } catch (const BadRecording& e) {
    return fail("cannot replay " + o.recording, e.what(), "give a file that diagnose --save wrote", 2);
  }
}

}  // namespace

Command notify_command() {
  const auto o = std::make_shared<Options>();
  Command c;
  c.name = "notify";
  c.description = "try a receiver, or see what a message would look like: test, preview";
  c.setup = [o](CLI::App& app) {
    CLI::App* test = app.add_subcommand("test", "send a test message; exit 0 when it was taken");
    test->add_option("receiver", o->receiver, "its name in the configuration; without it, all");
    test->add_option("-c,--config", o->file, "configuration file")->required();
    CLI::App* preview = app.add_subcommand("preview", "what each kind of receiver would get for a saved observation");
    preview->add_option("file", o->recording, "what diagnose --save wrote")->required();
    preview->add_option("--kind", o->kind, "only this one")
        ->check(CLI::IsMember(std::vector<std::string>(receiver_kinds.begin(), receiver_kinds.end())));
    preview->add_option("-c,--config", o->file, "configuration file, for links and commands");
    for (CLI::App* sub : {test, preview}) sub->callback([o, name = sub->get_name()] { o->action = name; });
    app.require_subcommand(1);
  };
  c.run = [o] { return o->action == "test" ? test(*o) : preview(*o); };
  return c;
}

}  // namespace pgvigil
