// A state file that may fail: opened when it is needed, again when it was moved or removed under us, begun anew when it
// is damaged. What goes wrong is told once, and so is that it is well again. For one thread, but for degraded().
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "agent/store/directory.h"
#include "agent/store/sqlite.h"

namespace pgvigil {

struct KeptFileOptions {
  std::string directory;
  std::string trouble;  // what follows from not being able to write: "alerts are sent from memory"
  std::string damage;   // what follows from beginning anew; "" when nothing does
  std::string well;     // "the alerts are written again"
  std::function<void(bool degraded, const std::string& what)> say = {};
};

template <class File>  // has a static `name`, and there()
class KeptFile {
 public:
  // `open` throws what File's constructor throws.
  KeptFile(KeptFileOptions options, std::function<std::unique_ptr<File>()> open)
      : options_(std::move(options)), open_(std::move(open)) {}

  // False: it could not be done now.
  bool use(const std::function<void(File&)>& task) {
    for (const bool again : {true, false}) try {
        if (file_ && !file_->there()) file_.reset();
        if (!file_) {
          make_directory(options_.directory);
          file_ = open_();
        }
        task(*file_);
        if (degraded_) tell(false, fmt::format("{}: {}", options_.directory, options_.well));
        return true;
      } catch (const SqliteError& e) {
        if (!e.full()) file_.reset();
        if (again && e.damaged()) {
          begin_anew(e.what());
          continue;
        }
        return failed(e.what());
      } catch (const std::exception& e) {
        file_.reset();
        return failed(e.what());
      }
    return false;
  }

  bool is_open() const { return file_ != nullptr; }
  bool degraded() const { return degraded_; }
  void close() { file_.reset(); }
  void say(const std::string& what) const {
    if (options_.say) options_.say(degraded_, what);
  }

 private:
  void begin_anew(const std::string& why) {
    move_aside(options_.directory, File::name);
    say(fmt::format("{0}/{1} was damaged ({2}); it is moved aside to {1}.damaged, and a new one is begun{3}",
                    options_.directory, File::name, why, options_.damage.empty() ? "" : ": " + options_.damage));
  }
  bool failed(const std::string& why) {
    if (!degraded_) tell(true, fmt::format("{}: {}: {}", options_.directory, why, options_.trouble));
    return false;
  }
  void tell(bool degraded, const std::string& what) {
    degraded_ = degraded;
    say(what);
  }

  KeptFileOptions options_;
  std::function<std::unique_ptr<File>()> open_;
  std::unique_ptr<File> file_;
  std::atomic<bool> degraded_ = false;
};

}  // namespace pgvigil
