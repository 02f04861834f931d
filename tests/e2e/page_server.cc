// Serves recorded states for the test of the page: page_server [--token T] [--interval S] STATE...
// A state is a report (REPORT.json), or a directory of documents as docs/api.md names them: report.json, targets.json,
// load.json, queries.json, plans.json, activity.json, progress.json, events.json; those that are not there are not
// answered. Prints "listening on http://..." and then obeys lines on its input: a path publishes that state, "quit"
// ends.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/http/server.h"

namespace {

using namespace pgvigil;

using nlohmann::json;

Text text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return std::make_shared<const std::string>(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

// A line of `targets`, for a report that comes without one.
json line_of(const json& report) {
  return {{"target", report.at("target")},
          {"at", report.at("at")},
          {"version", report.at("version")},
          {"in_recovery", report.at("in_recovery")},
          {"reachable", report.at("reachable")},
          {"verdict", report.at("verdict")},
          {"act_by", nullptr},
          {"partial", report.at("partial")},
          {"headline", report.at("headline")},
          {"since", nullptr},
          {"load", report.at("load").at("active")},
          {"vcpus", report.at("load").at("vcpus")},
          {"cpu_busy", nullptr},
          {"connections_used", nullptr},
          {"connections_max", nullptr},
          {"observed_seconds", 3600},
          {"alerts", json::array()}};
}

Severity severity(const json& of) {
  const std::string verdict = of.at("verdict");
  return verdict == "critical"  ? Severity::critical
         : verdict == "warning" ? Severity::warning
         : verdict == "info"    ? Severity::info
                                : Severity::ok;
}

void publish(Board& board, const std::filesystem::path& path) {
  const bool whole = std::filesystem::is_directory(path);
  Published p;
  p.report = text_of(whole ? path / "report.json" : path);
  const json report = json::parse(*p.report);
  p.target = report.at("target");
  json mine = line_of(report);
  if (whole && std::filesystem::exists(path / "targets.json")) {
    const json all = json::parse(*text_of(path / "targets.json"));
    board.agent(std::make_shared<const std::string>(all.at("agent").dump()));
    for (const json& line : all.at("targets")) {
      if (line.at("target") == p.target) {
        mine = line;
        continue;
      }
      json bare = report;  // of the others only the line is shown
      bare["target"] = line.at("target"), bare["headline"] = line.at("headline");
      bare["verdict"] = line.at("verdict"), bare["reachable"] = line.at("reachable");
      board.publish({.target = line.at("target"),
                     .verdict = severity(line),
                     .reachable = line.at("reachable"),
                     .report = std::make_shared<const std::string>(bare.dump()),
                     .line = std::make_shared<const std::string>(line.dump())});
    }
  }
  p.verdict = severity(mine);
  p.reachable = mine.at("reachable");
  p.line = std::make_shared<const std::string>(mine.dump());
  if (whole)
    for (const auto& file : std::filesystem::directory_iterator(path))
      if (const auto name = file.path().stem().string(); name != "report" && name != "targets")
        p.others[name] = text_of(file.path());
  board.publish(std::move(p));
}

}  // namespace

int main(int argc, char** argv) {
  HttpOptions options;
  options.port = 0;
  Board board;
  board.ready(true);
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--token" && i + 1 < argc)
      options.token = argv[++i];
    else if (std::string_view(argv[i]) == "--interval" && i + 1 < argc)
      options.interval_seconds = std::stod(argv[++i]);
    else
      publish(board, argv[i]);
  }
  boost::asio::io_context loop(1);
  HttpServer server(loop.get_executor(), options, board);
  if (const auto error = server.start()) {
    std::cerr << error->message << "\nhint: " << error->hint << "\n";
    return 1;
  }
  std::cout << "listening on http://127.0.0.1:" << server.port() << std::endl;

  boost::asio::posix::stream_descriptor input(loop, 0);
  boost::asio::streambuf buffer;
  const std::function<void()> next = [&] {
    boost::asio::async_read_until(input, buffer, '\n', [&](boost::system::error_code ec, std::size_t) {
      std::string line;
      std::istream stream(&buffer);
      if (ec || !std::getline(stream, line) || line == "quit") {
        server.stop();
        return;
      }
      publish(board, line);
      std::cout << "published" << std::endl;
      next();
    });
  };
  next();
  loop.run();
  return 0;
}
