#include "agent/http/board.h"

#include <algorithm>

namespace pgvigil {

namespace {

Text in_one_line(Text text) {
  if (!text || text->find_first_of("\r\n") == std::string::npos) return text;
  auto line = std::make_shared<std::string>(*text);
  std::replace_if(
      line->begin(), line->end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

}  // namespace

void Board::tell() {
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    listener = listener_;
  }
  if (listener) listener();
}

void Board::publish(Published p) {
  p.report = in_one_line(std::move(p.report));
  p.line = in_one_line(std::move(p.line));
  {
    const std::lock_guard lock(mutex_);
    p.id = ++last_id_;
    const std::string target = p.target;
    published_[target] = std::make_shared<const Published>(std::move(p));
  }
  tell();
}

void Board::sampled(const std::string& target, std::optional<double> vcpus, double interval,
                    const Observation& observation) {
  {
    const std::lock_guard lock(mutex_);
    Live& live = live_[target];
    live.vcpus = vcpus;
    live.interval = interval;
    if (!live.log.observed(observation)) return;
    live.number = ++last_sample_;
    live.newest = nullptr;
  }
  tell();
}

void Board::recalled(const std::string& target, const std::vector<Observation>& earlier) {
  const std::lock_guard lock(mutex_);
  for (const Observation& o : earlier) live_[target].log.observed(o);
}

void Board::retire(std::string_view target) {
  const std::lock_guard lock(mutex_);
  if (const auto it = published_.find(target); it != published_.end()) published_.erase(it);
  if (const auto it = live_.find(target); it != live_.end()) live_.erase(it);
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

std::vector<PublishedPtr> Board::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<PublishedPtr> out;
  for (const auto& [name, p] : published_) out.push_back(p);
  return out;
}

std::vector<PublishedPtr> Board::since(std::uint64_t id, std::string_view target) const {
  std::vector<PublishedPtr> out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, p] : published_)
      if (p->id > id && (target.empty() || target == name)) out.push_back(p);
  }
  std::sort(out.begin(), out.end(), [](const PublishedPtr& a, const PublishedPtr& b) { return a->id < b->id; });
  return out;
}

std::optional<LoadSample> Board::sample_since(std::uint64_t number, std::string_view target) const {
  const std::lock_guard lock(mutex_);
  const auto it = live_.find(target);
  if (it == live_.end() || it->second.number <= number) return std::nullopt;
  Live& live = it->second;
  if (!live.newest)
    live.newest = std::make_shared<const std::string>(
        live.log.json(target, live.vcpus, live.interval, live.log.newest(), live.log.newest(), true));
  return LoadSample{live.number, live.newest};
}

Text Board::load(std::string_view target, Time from, Time until) const {
  const std::lock_guard lock(mutex_);
  const auto it = live_.find(target);
  if (it == live_.end()) return std::make_shared<const std::string>(LoadLog().json(target, {}, 1, from, until));
  const Live& live = it->second;
  return std::make_shared<const std::string>(live.log.json(target, live.vcpus, live.interval, from, until));
}

std::optional<Time> Board::load_since(std::string_view target) const {
  const std::lock_guard lock(mutex_);
  const auto it = live_.find(target);
  return it == live_.end() || it->second.log.empty() ? std::nullopt : std::optional(it->second.log.oldest());
}

void Board::agent(Text own) {
  const std::lock_guard lock(mutex_);
  agent_ = std::move(own);
}

Text Board::agent() const {
  const std::lock_guard lock(mutex_);
  return agent_;
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
void Board::on_news(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

}  // namespace pgvigil
