// A page for a terminal: wrapped paragraphs, SQL as it stands, colour where there is one.
#pragma once

#include <string>
#include <string_view>

#include "agent/core/render_text.h"
#include "checks/finding.h"

namespace pgvigil {

class Page {
 public:
  explicit Page(const TextOptions& options);

  void blank() { out_ += '\n'; }
  void heading(std::string_view text, std::string_view aside = {});
  // `first` opens the paragraph, later lines are indented by `indent`.
  void paragraph(std::string_view first, std::size_t indent, std::string_view text);
  void sql(std::size_t indent, std::string_view text);  // as it stands, to be pasted
  void step(const Step& s, std::string_view label);     // of a remedy
  std::string bold(std::string_view text) const;
  std::string alarm(std::string_view word, Severity s) const;  // in capitals
  std::string take() { return std::move(out_); }

 private:
  std::size_t width_;
  bool colour_, ascii_;
  std::string out_;
};

}  // namespace pgvigil
