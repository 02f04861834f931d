#include "agent/http/board.h"

#include <algorithm>

namespace pgvigil {

void Board::publish(std::string target, Severity verdict, bool reachable, std::string headline, Text report) {
  if (report->find_first_of("\r\n") != std::string::npos) {
    auto line = std::make_shared<std::string>(*report);
    std::replace_if(
        line->begin(), line->end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    report = std::move(line);
  }
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    Published& p = published_[target];
    p = {++last_id_, std::move(target), verdict, reachable, std::move(headline), std::move(report)};
    listener = listener_;
  }
  if (listener) listener();
}

void Board::retire(std::string_view target) {
  const std::lock_guard lock(mutex_);
  if (const auto it = published_.find(target); it != published_.end()) published_.erase(it);
}

void Board::metrics(Text page) {
  const std::lock_guard lock(mutex_);
  metrics_ = std::move(page);
}

void Board::progress(Steady at) {
  const std::lock_guard lock(mutex_);
  progress_ = std::max(progress_, at);
}

void Board::ready(bool yes) {
  const std::lock_guard lock(mutex_);
  ready_ = yes;
}

std::uint64_t Board::last_id() const {
  const std::lock_guard lock(mutex_);
  return last_id_;
}

std::vector<Published> Board::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Published> out;
  for (const auto& [name, p] : published_) out.push_back(p);
  return out;
}

std::vector<Published> Board::since(std::uint64_t id, std::string_view target) const {
  std::vector<Published> out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, p] : published_)
      if (p.id > id && (target.empty() || target == name)) out.push_back(p);
  }
  std::sort(out.begin(), out.end(), [](const Published& a, const Published& b) { return a.id < b.id; });
  return out;
}

Text Board::metrics() const {
  const std::lock_guard lock(mutex_);
  return metrics_;
}
Steady Board::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}
bool Board::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}
void Board::on_publish(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

}  // namespace pgvigil
