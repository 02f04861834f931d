#include "agent/alerts/receiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pgvigil {
namespace asio = boost::asio;

namespace {

constexpr std::size_t most_in_one_body = 100;  // alerts, for receivers that are programs
constexpr int lives = 4;                       // reposts that an alert outlives
constexpr auto leaving_for = std::chrono::minutes(10);

// Refused for good: trying again would not help. A redirect may be a portal that goes away.
bool is_final(int status) { return status >= 400 && status < 500 && status != 429 && status != 408; }

// The receiver is there and answers others: what it does not take must not stand in their way.
bool blames_the_body(int status) { return status >= 500 && status != 502 && status != 503 && status != 504; }

std::shared_ptr<const net::HttpClient> client_of(const ReceiverOptions& o) {
  return std::make_shared<net::HttpClient>(net::ClientOptions{.ca_file = o.ca_file, .allow_private = o.allow_private});
}

}  // namespace

Time wall_now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

net::Headers json_headers() { return {{"Content-Type", "application/json"}}; }

double lifetime(const Pace& pace) { return lives * std::chrono::duration<double>(pace.repost).count(); }

net::Url url_of(const ReceiverOptions& o) {
  std::string why;
  net::Url url = net::parse_url(o.url, why).value();
  if (o.kind == ReceiverKind::alertmanager) {
    while (url.target.ends_with('/')) url.target.pop_back();
    url.target += "/api/v2/alerts";
  }
  return url;
}

Receiver::Receiver(const asio::any_io_executor& executor, ReceiverOptions o, const AlertsOptions& shared)
    : options_(std::move(o)),
      url_(url_of(options_)),
      pace_(shared.pace),
      settled_(shared.settled),
      log_(shared.log),
      timer_(executor),
      client_(client_of(options_)),
      queue_(pace_.queue, [this](const Delivery& d) { push_out(d); }) {
  stats_.name = options_.name;
}

void Receiver::configure(ReceiverOptions o) {
  options_ = std::move(o);
  url_ = url_of(options_);
  client_ = client_of(options_);
  next_post_ = std::min(next_post_, Clock::now() + pace_.gap);  // it may be mended
  timer_.cancel();
}

void Receiver::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Receiver::leave() {
  standing_.clear();
  leave_by_ = Clock::now() + leaving_for;
  timer_.cancel();
}

void Receiver::stands(const std::string& target, Standing all) {
  const bool was_empty = standing_.empty();
  if (all.empty())
    standing_.erase(target);
  else
    standing_[target] = std::move(all);
  if (was_empty && !standing_.empty()) {
    next_standing_ = Clock::now() + pace_.repost;
    if (idle_) timer_.cancel();
  }
}

ReceiverStats Receiver::stats() const {
  ReceiverStats s = stats_;
  s.queued = queue_.size();
  if (!queue_.empty()) s.oldest_seconds = std::chrono::duration<double>(Clock::now() - queue_.oldest()).count();
  return s;
}

void Receiver::say(std::string_view what) const {
  if (log_) log_(fmt::format("receiver {}: {}: {}", options_.name, url_.host, what));
}

void Receiver::give_up(const std::vector<Delivery>& all, std::string_view why, std::string_view hint) {
  for (const Delivery& d : all) settle(d, false);
  if (!all.empty())
    say(fmt::format("{}; the {} alert {}{} was dropped{}{}", why, to_string(all.front().edge), all.front().key,
                    all.size() > 1 ? fmt::format(" and {} more", all.size() - 1) : "",
                    hint.empty() ? "" : "; hint: ", hint));
}

void Receiver::push(Delivery d) {
  const double age = std::max(0.0, seconds_between(d.at, wall_now()));
  const auto since = Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(age));
  queue_.push({std::move(d), since});
  if (idle_) timer_.cancel();
}

void Receiver::push_out(const Delivery& d) {
  settle(d, false);
  if (takes_digests(options_.kind)) ++unsaid_;  // the next digest counts it
  if (std::has_single_bit(stats_.dropped))
    say(fmt::format("the queue is full, {} alerts were dropped", stats_.dropped));
}

void Receiver::settle(const Delivery& d, bool delivered) {
  ++(delivered ? stats_.sent : stats_.dropped);
  if (settled_) settled_(options_.name, d.id, delivered);
}

// What goes out next; its edges are in flight. Only what stands, when none wait.
std::string Receiver::body() {
  std::vector<std::string> payloads;
  if (queue_.empty()) {
    for (const auto& [target, all] : standing_) payloads.insert(payloads.end(), all.begin(), all.end());
    next_standing_ = Clock::now() + pace_.repost;
    return merged(options_.kind, payloads);
  }
  const bool storm = queue_.waiting() + unsaid_ > pace_.storm;
  digested_ = storm && takes_digests(options_.kind);
  if (digested_) {
    std::vector<std::string> titles;
    for (const auto& w : queue_.take(queue_.size(), false)) titles.push_back(w.delivery.title);
    return payload(options_.kind, {}, digest(titles, titles.size() + unsaid_, Severity::critical), options_.name);
  }
  unsaid_ = 0;
  // Alertmanager holds states: what was overtaken while it was away is not told at all.
  const bool states = options_.kind == ReceiverKind::alertmanager;
  const bool together = singly_ == 0 && (states || (options_.kind == ReceiverKind::webhook && storm));
  if (singly_ > 0) --singly_;
  for (const auto& w : queue_.take(together ? most_in_one_body : 1, !states)) payloads.push_back(w.delivery.payload);
  return payloads.size() == 1 ? payloads.front() : merged(options_.kind, payloads);
}

// None: what was kept is of another kind of receiver, or damaged; it is given up.
std::optional<std::string> Receiver::whole_body() try {
  return completed(options_.kind, body(), options_.routing_key, wall_now(), lifetime(pace_));
} catch (const std::exception&) {
  if (queue_.in_flight().size() > 1 && !digested_) {  // one of them is to blame
    singly_ = queue_.in_flight().size();
    queue_.put_back(false);
  } else {
    give_up(flown(), "what was kept is not in its form");
  }
  return std::nullopt;
}

// How long to wait before the next POST.
milliseconds Receiver::judge(const std::vector<DeliveryQueue::Waiting>& sent, const net::Response& r) {
  if (r.ok()) {
    if (tries_ > 0) say(fmt::format("delivered after {} tries", tries_ + 1));
    tries_ = 0;
    unsaid_ = 0;
    for (const auto& w : sent) settle(w.delivery, true);
    queue_.settle();
    return pace_.gap;
  }
  ++stats_.failed;
  stats_.last_error = in_words(r);
  if (is_final(r.status) && sent.size() > 1 && !digested_) {  // one of them is to blame
    singly_ = sent.size();
    queue_.put_back(false);
    return pace_.gap;
  }
  if (is_final(r.status)) {
    tries_ = 0;
    if (sent.empty() && std::has_single_bit(++refused_))
      say(fmt::format("{}; it is not told again what fires; hint: check the receiver's url", stats_.last_error));
    give_up(flown(), stats_.last_error, "check the receiver's url");
    return pace_.gap;
  }
  ++tries_;
  std::uniform_real_distribution<double> spread(0, 1);
  milliseconds wait = backoff(pace_, tries_, spread(random_));
  if (r.status == 429 || r.status == 503)
    if (const auto asked = retry_after(r.retry_after, std::chrono::system_clock::now()))
      wait = std::min(std::max(*asked, wait), pace_.longest_wait);
  if (std::has_single_bit(tries_))
    say(fmt::format("{}; trying again in {:.1f} s", stats_.last_error, static_cast<double>(wait.count()) / 1000));
  queue_.put_back(blames_the_body(r.status));
  give_up(queue_.expire(Clock::now() - pace_.keep), stats_.last_error, "it could not be delivered for too long");
  return std::max(wait, pace_.gap);
}

// What is in flight, and no longer is.
std::vector<Delivery> Receiver::flown() {
  std::vector<Delivery> all;
  for (const auto& w : queue_.in_flight()) all.push_back(w.delivery);
  queue_.settle();
  return all;
}

asio::awaitable<void> Receiver::sleep(Clock::time_point until) {
  boost::system::error_code ignored;
  timer_.expires_at(until);
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> Receiver::serve(std::shared_ptr<Receiver> self) {
  Receiver& r = *self;
  while (!r.stopped_ && !r.left()) {
    if (r.queue_.empty() && !r.due_again()) {
      r.idle_ = true;
      co_await r.sleep(r.standing_.empty() ? Clock::time_point::max() : r.next_standing_);
      r.idle_ = false;
      continue;
    }
    if (Clock::now() < r.next_post_) {
      co_await r.sleep(r.leave_by_ ? std::min(r.next_post_, *r.leave_by_) : r.next_post_);
      continue;
    }
    const Clock::time_point began = Clock::now();
    std::optional<std::string> body = r.whole_body();
    if (!body) continue;
    net::Response response;
    try {
      const auto client = r.client_;  // a reload may replace it meanwhile
      response = co_await client->post(r.url_, json_headers(), std::move(*body), r.options_.timeout);
    } catch (const std::exception&) {
      response.error = "cannot send";
    }
    if (r.stopped_) co_return;
    const milliseconds wait = r.judge(r.queue_.in_flight(), response);
    r.next_post_ = (response.ok() ? began : Clock::now()) + wait;
  }
  if (r.stopped_) co_return;
  r.queue_.take(r.queue_.size(), false);
  r.give_up(r.flown(), "the receiver is no longer configured");
}

}  // namespace pgvigil
