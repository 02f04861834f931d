// How queues and sessions are told, and how they are ended: the same words and SQL in every check that names a blocker.
#pragma once

#include <string>
#include <string_view>

#include "checks/blocking.h"

namespace pgvigil {

std::string who(const Session& s);  // "pid 12 (worker, role app)"
bool is_idle_in_transaction(const Session& s);
std::string what_it_does(const Session& s);  // "idle in transaction for 12 s"
// Who is at the root, and beside it, and what they do, as far as it can be seen.
std::string root_in_words(const BlockingTree& t);
std::string beside_in_words(const BlockingTree& t);  // "; pid 13 (...), ..., holds them up as well"; "": nobody does
std::string end_in_words(const BlockingTree& t);     // "end pid 12 and pid 13"
std::string in_queue(double waits, std::string_view lock = "a lock");  // "8 sessions wait for a lock"

// Ends an idle session, cancels a running statement. Between the look and the paste the session may have gone on: only
// what still stands as it stood is ended.
Step end_session(const Session& s, std::size_t waiters, double load);
std::vector<Step> end_roots(const BlockingTree& t);  // all of them: to end one of several helps nobody
// idle_in_transaction_session_timeout for the session's role, as the lasting cure.
Remedy limit_idle_transactions(const Session& s);

// What every finding about a queue says and is tied by: figures, evidence of the waiters, sessions, queries, tables,
// load, onset.
void tell_queue(const Input& in, const BlockingTree& t, const QueueHarm& harm, Finding& f);
void tell_waiters(const BlockingTree& t, Finding& f);
}  // namespace pgvigil
