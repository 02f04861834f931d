// Serves recorded reports for the test of the page: page_server [--token T] [--interval S] REPORT.json...
// Prints "listening on http://..." and then obeys lines on its input: a path publishes that report, "quit" ends.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/http/server.h"

namespace {

using namespace pgvigil;

void publish(Board& board, const std::string& path) {
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto json = nlohmann::json::parse(text);
  const std::string verdict = json.at("verdict");
  const Severity severity = verdict == "critical"  ? Severity::critical
                            : verdict == "warning" ? Severity::warning
                            : verdict == "info"    ? Severity::info
                                                   : Severity::ok;
  board.publish(json.at("target"), severity, json.at("reachable"), json.at("headline"),
                std::make_shared<const std::string>(text));
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
