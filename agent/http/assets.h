// The files of the page, built into the binary from dashboards/web/dist (cmake/assets.cmake).
#pragma once

#include <span>
#include <string_view>

namespace pgvigil {

struct Asset {
  std::string_view path;  // "/assets/app-H4SH.js"
  std::string_view mime;
  std::string_view etag;  // quoted
  std::string_view bytes, gz;
};

std::span<const Asset> assets();
const Asset* find_asset(std::string_view path);

}  // namespace pgvigil
