// catalog: what is checked, as documents; --write keeps the committed ones fresh.
#include "agent/core/catalog.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include "agent/commands/command.h"

namespace pgvigil {
namespace {

struct Options {
  std::string format = "md", directory;
  int sql = 0;
};

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

// What would be sent to a server of this version, for a person who wants to know before letting us in.
int print_sql(int major) {
  std::string text;
  for (const AnyProbe* p : all_probes()) {
    const std::string_view sql = p->sql(major * 10'000);
    if (sql.empty()) continue;
    text += fmt::format("-- {}: {}; at most {} ms\n{};\n\n", p->id(), p->about().title, p->about().timeout.count(),
                        trimmed(sql));
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

int print(const std::string& format) {
  const Catalog catalog = whole_catalog();
  std::string text;
  if (format == "json")
    text = catalog_json(catalog);
  else if (format == "yaml")
    text = std::string(settings_example()) + checks_yaml(catalog);
  else if (format == "rules")
    text = alert_rules(catalog);
  else
    for (const Check* c : catalog.checks) text += check_page(catalog, *c) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

// The page of a check that is gone goes too; a file that was not made here stays.
void remove_stale_pages(const std::filesystem::path& root, const std::set<std::string>& fresh) {
  std::vector<std::filesystem::path> stale;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs/checks", error)) {
    const auto& path = entry.path();
    if (path.extension() != ".md" || fresh.contains("docs/checks/" + path.filename().string())) continue;
    std::string title, empty, first;
    std::ifstream in(path);
    std::getline(in, title) && std::getline(in, empty) && std::getline(in, first);
    if (first.starts_with("`" + path.stem().string() + "` is a ")) stale.push_back(path);
  }
  for (const auto& path : stale) std::filesystem::remove(path);
}

int write(const std::filesystem::path& root) {
  if (!std::filesystem::is_directory(root)) return fail("catalog", root.string() + " is not a directory", "", 2);
  std::set<std::string> fresh;
  for (const CatalogFile& file : catalog_files(whole_catalog(), settings_example(), minimal_settings_example())) {
    const auto path = root / file.path;
    fresh.insert(file.path);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << file.text;
    if (!out.flush()) return fail("catalog", fmt::format("{} cannot be written", path.string()), "", 2);
    std::fprintf(stderr, "%s\n", path.c_str());
  }
  remove_stale_pages(root, fresh);
  return 0;
}

}  // namespace

Command catalog_command() {
  const auto options = std::make_shared<Options>();
  Command c;
  c.name = "catalog";
  c.description = "print what is checked, or write the documents made from it";
  c.setup = [options](CLI::App& app) {
    app.add_option("--format", options->format, "json, md, yaml or rules")
        ->capture_default_str()
        ->check(CLI::IsMember({"json", "md", "yaml", "rules"}));
    app.add_option("--sql", options->sql, "print the SQL of every probe, as a server of this major version gets it")
        ->check(CLI::Range(13, 18));
    app.add_option("--write", options->directory, "write all generated files under this directory");
  };
  c.run = [options] {
    if (options->sql != 0) return print_sql(options->sql);
    return options->directory.empty() ? print(options->format) : write(options->directory);
  };
  return c;
}

}  // namespace pgvigil
